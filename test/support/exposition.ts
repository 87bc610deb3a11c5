/** A strict reader of pages of metrics, in Prometheus' text form and as OpenMetrics; what it does not know it refuses. */

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const ENDINGS: Readonly<Record<string, readonly string[]>> = {
  counter: ["", "_total"],
  gauge: [""],
  histogram: ["_bucket", "_sum", "_count"],
};

/** Every sample, in order. @throws Error for a line that breaks the form */
export function samplesOf(page: string): readonly Sample[] {
  const samples: Sample[] = [];
  const families = new Set<string>();
  let help = "";
  let family: { name: string; type: string } | undefined;
  for (const line of page.trimEnd().split("\n")) {
    if (line === "# EOF") continue;
    const [, comment, name = "", rest = ""] = /^# (HELP|TYPE) (\w+) (.+)$/.exec(line) ?? [];
    if (comment === "HELP") help = name;
    else if (comment === "TYPE") {
      if (help !== name || families.has(name)) throw new Error(`TYPE without HELP, or twice: ${line}`);
      families.add(name);
      family = { name, type: rest };
    } else {
      const sample = sampleOf(line);
      const endings = ENDINGS[family?.type ?? ""] ?? [];
      if (!endings.some((ending) => sample.name === `${family?.name}${ending}`))
        throw new Error(`stray: ${line}`);
      samples.push(sample);
    }
  }
  return samples;
}

function sampleOf(line: string): Sample {
  const [, name, inner = "", value] = /^([a-z_][a-z0-9_]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
  if (name === undefined || value === undefined || Number.isNaN(Number(value))) {
    throw new Error(`not a sample: ${line}`);
  }
  const labels: Record<string, string> = {};
  const rest = inner.replace(/([a-z_]+)="((?:[^"\\]|\\.)*)"(?:,|$)/g, (_, label: string, text: string) => {
    labels[label] = text.replace(/\\(.)/g, (_whole, c: string) => (c === "n" ? "\n" : c));
    return "";
  });
  if (rest !== "") throw new Error(`not labels: ${rest}`);
  return { name, labels, value: Number(value) };
}
