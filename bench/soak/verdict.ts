/** Whether a server that ran for long stays as it is. */

export interface Sample {
  /** Seconds since the start. */
  readonly atS: number;
  /** Of all processes together. */
  readonly rssBytes: number;
  readonly descriptors: number;
  /** 99th percentile of the event loop's delay in milliseconds, where it is known. */
  readonly loopMs: number | undefined;
}

/** Growth beyond this within an hour, as the second half of the run shows it, is a leak. */
const MAX_MIB_PER_HOUR = 60;
/** What a garbage collector leaves lying about for a while is none, however short the run. */
const NOISE_MIB = 16;
/** Descriptors come and go with connections. */
const MAX_DESCRIPTORS = 64;

export function verdictOf(
  samples: readonly Sample[],
  wrong: readonly (readonly [what: string, count: number])[],
): { readonly ok: boolean; readonly lines: readonly string[] } {
  // What is loaded and cached on the way is there by then.
  const later = samples.slice(Math.floor(samples.length / 2));
  const spanS = (later.at(-1)?.atS ?? 0) - (later[0]?.atS ?? 0);
  const mibPerHour = slope(later, ({ rssBytes }) => rssBytes / 2 ** 20) * 3_600;
  const grownMib = (mibPerHour * spanS) / 3_600;
  const memory = mibPerHour <= MAX_MIB_PER_HOUR || grownMib <= NOISE_MIB;
  const descriptors = slope(later, (sample) => sample.descriptors) * spanS;
  const loops = later.flatMap(({ loopMs }) => (loopMs === undefined ? [] : [loopMs])).sort((a, b) => a - b);
  const checks: readonly (readonly [boolean, string])[] = [
    [
      memory,
      `memory: ${mibPerHour.toFixed(1)} MiB an hour, ${grownMib.toFixed(1)} MiB in the second half of the run`,
    ],
    [descriptors <= MAX_DESCRIPTORS, `descriptors: ${descriptors.toFixed(1)} more in the second half`],
    [
      wrong.length === 0,
      wrong.length === 0
        ? "requests: none failed"
        : `requests: ${wrong.map(([what, count]) => `${count} × ${what}`).join("; ")}`,
    ],
  ];
  const median = loops[Math.floor(loops.length / 2)];
  return {
    ok: checks.every(([ok]) => ok),
    lines: [
      ...checks.map(([ok, text]) => `${ok ? "ok   " : "NOT OK"} ${text}`),
      ...(median === undefined
        ? []
        : [`      event loop: p99 of ${median.toFixed(1)} ms, median of the samples`]),
    ],
  };
}

/** Least squares: how much the value grows in a second. */
function slope(samples: readonly Sample[], read: (sample: Sample) => number): number {
  const count = samples.length;
  const meanX = samples.reduce((sum, { atS }) => sum + atS, 0) / count;
  const meanY = samples.reduce((sum, sample) => sum + read(sample), 0) / count;
  let above = 0;
  let below = 0;
  for (const sample of samples) {
    above += (sample.atS - meanX) * (read(sample) - meanY);
    below += (sample.atS - meanX) ** 2;
  }
  return below === 0 ? 0 : above / below;
}
