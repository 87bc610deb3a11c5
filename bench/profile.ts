/**
 * Where the CPU time of the hot path goes: `npm run bench:profile`, about half a minute. Our server runs under V8's
 * profiler while it is loaded with decrypts; its self time is printed by area and by function. The profile itself stays
 * in bench-results/ for Chromium's DevTools or speedscope, which draw it as a flame graph.
 *
 * Options: `--engine node|keswick` (default both), `--operation generate|decrypt`, `--streams N`, `--protocol h1|h2`,
 * `--seconds N`, `--functions N` listed, `--main FILE`, `--document` for the region `profile` of docs/performance.md, or
 * `--region NAME` of it.
 */
import { mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { Operation } from "./compare/contenders/contender.js";
import { type Engine, startKeswick } from "./compare/contenders/keswick.js";
import { type BenchSite, makeBenchSite } from "./compare/contenders/site.js";
import { writeRegion } from "./compare/document.js";
import { Generator } from "./compare/generator.js";
import { machine, machineLine } from "./compare/machine.js";
import { buildGo, buildKeswick } from "./compare/programs.js";
import { markdown } from "./compare/tables.js";
import { type Summary, summaryOf } from "./profile/summary.js";

const { values } = parseArgs({
  options: {
    engine: { type: "string", default: "node,keswick" },
    operation: { type: "string", default: "decrypt" },
    protocol: { type: "string", default: "h2" },
    streams: { type: "string", default: "16" },
    seconds: { type: "string", default: "8" },
    functions: { type: "string", default: "25" },
    main: { type: "string" },
    document: { type: "boolean", default: false },
    region: { type: "string", default: "profile" },
  },
});
const seconds = Number(values.seconds);
const streams = Number(values.streams);
const protocol = values.protocol === "h1" ? "h1" : "h2";
const operation: Operation = values.operation === "generate" ? "generate" : "decrypt";
/** The first part of a profile is start and warm-up. */
const WARM_UP_SHARE = 0.4;
/** Areas below it are left out. */
const LEAST_SHARE = 0.002;
const folder = resolve(import.meta.dirname, "../bench-results");
mkdirSync(folder, { recursive: true });

const on = machine();
const main = values.main ?? buildKeswick();
const site = await makeBenchSite();
const found: { engine: Engine; summary: Summary; cpuMicros: number }[] = [];
try {
  for (const engine of values.engine.split(",")) {
    if (engine === "node" || engine === "keswick") found.push({ engine, ...(await profile(site, engine)) });
  }
} finally {
  await site.remove();
}
const text = tables();
console.log(`${machineLine(on)}\n\n${text}`);
if (values.document) writeRegion(values.region, `${machineLine(on)}.\n\n${text}`);

async function profile(at: BenchSite, engine: Engine): Promise<{ summary: Summary; cpuMicros: number }> {
  const into = join(folder, `profile-${engine}`);
  rmSync(into, { recursive: true, force: true });
  const nodeOptions = ["--cpu-prof", "--cpu-prof-dir", into, "--cpu-prof-interval", "200"];
  const server = await startKeswick(at, { engine, main, nodeOptions });
  let cpuMicros = Number.NaN;
  try {
    const requests = server.kind.requests[operation] ?? [];
    // As many connections as streams over HTTP/1.1.
    const [connections, each] = protocol === "h1" ? [streams, 1] : [1, streams];
    const load = await Generator.start(buildGo("load"), server.setup(protocol, connections, each));
    try {
      await load.load({ seconds: seconds / 2, requests });
      const before = server.cpuMicros();
      const { requests: count } = await load.load({ seconds, requests });
      cpuMicros = (server.cpuMicros() - before) / count;
    } finally {
      load.stop();
    }
  } finally {
    // The profile is written at the end of the process.
    await server.stop();
  }
  const [name] = readdirSync(into).filter((file) => file.endsWith(".cpuprofile"));
  if (name === undefined) throw new Error(`no profile in ${into}`);
  const file = join(folder, `${engine}-${protocol}-${operation}.cpuprofile`);
  renameSync(join(into, name), file);
  rmSync(into, { recursive: true });
  console.error(`${engine}: ${file}`);
  return { summary: summaryOf(file, WARM_UP_SHARE), cpuMicros };
}

function tables(): string {
  const areas = [...new Set(found.flatMap(({ summary }) => summary.areas.map(([area]) => area)))];
  const cells = areas.map((area) =>
    found.map(({ summary, cpuMicros }) => {
      const share = summary.areas.find(([name]) => name === area)?.[1] ?? 0;
      return { share, text: `${percent(share)} (${(share * cpuMicros).toFixed(1)} µs)` };
    }),
  );
  const greatest = (at: number): number => Math.max(...(cells[at] ?? []).map(({ share }) => share));
  const order = areas.map((_, at) => at).sort((a, b) => greatest(b) - greatest(a));
  const byArea = markdown(
    [
      "self time by area",
      ...found.map(({ engine, cpuMicros }) => `${engine} engine, ${cpuMicros.toFixed(0)} µs`),
    ],
    order
      .filter((at) => greatest(at) > LEAST_SHARE)
      .map((at) => [areas[at] ?? "", ...(cells[at] ?? []).map((cell) => cell.text)]),
  );
  const byFunction = found.map(({ engine, summary }) => {
    const lines = summary.functions.slice(0, Number(values.functions));
    return `${engine} engine, functions:\n\n${markdown(
      ["function", "self time"],
      lines.map(([where, share]) => [where.replaceAll("|", "\\|"), percent(share)]),
    )}`;
  });
  const what = `${operation} over ${protocol}, ${streams} at a time, audit on; the profiler itself makes requests dearer.`;
  return [`${what}\n`, byArea, ...byFunction].join("\n");
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
