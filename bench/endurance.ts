/**
 * Very many requests as fast as they come: `npm run bench:endurance`, 24 million by default, about half an hour. Generates
 * and decrypts take turns over connections of both protocols that are made anew every few seconds; every answer is
 * checked. Fails when memory or descriptors grow, or a single answer is wrong. Needs Go.
 *
 * Options: `--millions N`, `--engine keswick|node`, `--main FILE`, `--document` for the region `endurance` of
 * docs/performance.md.
 */
import { readdirSync } from "node:fs";
import { parseArgs } from "node:util";
import { DEFAULT_HTTP_ENGINE } from "../src/config/sections/server.js";
import { OPERATIONS } from "./compare/contenders/contender.js";
import { startKeswick } from "./compare/contenders/keswick.js";
import { makeBenchSite } from "./compare/contenders/site.js";
import { writeRegion } from "./compare/document.js";
import { Generator } from "./compare/generator.js";
import { machine, machineLine } from "./compare/machine.js";
import { rssBytes } from "./compare/process-times.js";
import { buildGo, buildKeswick } from "./compare/programs.js";
import { markdown } from "./compare/tables.js";
import { type Sample, verdictOf } from "./soak/verdict.js";

const { values } = parseArgs({
  options: {
    millions: { type: "string", default: "24" },
    engine: { type: "string", default: DEFAULT_HTTP_ENGINE },
    main: { type: "string" },
    document: { type: "boolean", default: false },
  },
});
const wanted = Number(values.millions) * 1e6;
const TURN_SECONDS = 5;
const TURNS = [
  ["h2", 1, 64],
  ["h2", 64, 1],
  ["h1", 16, 1],
  ["h2", 4, 16],
] as const;

const on = machine();
const go = buildGo("load");
if (go === undefined) throw new Error("no Go on the PATH: the generator in Node would take hours");
const site = await makeBenchSite();
try {
  const engine = values.engine === "node" ? "node" : "keswick";
  const server = await startKeswick(site, { engine, main: values.main ?? buildKeswick() });
  try {
    const samples: Sample[] = [];
    const startedMs = performance.now();
    let done = 0;
    for (let turn = 0; done < wanted; turn++) {
      const [protocol, connections, streams] = TURNS[turn % TURNS.length] ?? TURNS[0];
      const operation = OPERATIONS[Math.floor(turn / TURNS.length) % OPERATIONS.length] ?? "decrypt";
      await server.emptyLog();
      const load = await Generator.start(go, server.setup(protocol, connections, streams));
      try {
        const requests = server.kind.requests[operation] ?? [];
        const result = await load.load({ seconds: TURN_SECONDS, requests });
        await server.verify(operation, result.samples);
        done += result.requests;
      } finally {
        load.stop();
      }
      const atS = (performance.now() - startedMs) / 1_000;
      const descriptors = readdirSync(`/proc/${server.pid}/fd`).length;
      samples.push({ atS, rssBytes: rssBytes(server.pid), descriptors, loopMs: undefined });
      if (turn % 4 === 3)
        console.error(
          `${(done / 1e6).toFixed(2)} million, ${atS.toFixed(0)} s, ${(rssBytes(server.pid) / 2 ** 20).toFixed(1)} MiB`,
        );
    }
    const { ok, lines } = verdictOf(samples, []);
    const text = `${summary(samples, done)}\n${lines.map((line) => `${line}\n`).join("")}`;
    console.log(`${machineLine(on)}\n\n${server.kind.name}\n\n${text}`);
    if (values.document) writeRegion("endurance", `${machineLine(on)}.\n\n${server.kind.name}.\n\n${text}`);
    if (!ok) process.exitCode = 1;
  } finally {
    await server.stop();
  }
} finally {
  await site.remove();
}

/** Memory at some points of the way. */
function summary(samples: readonly Sample[], done: number): string {
  const points = 8;
  const lines = Array.from({ length: points }, (_, i) => {
    const at = Math.min(samples.length - 1, Math.floor(((i + 1) * samples.length) / points));
    // Of the turns around: each kind of load leaves another amount of garbage.
    const around = samples.slice(Math.max(0, at - TURNS.length + 1), at + 1);
    const mib = around.map((sample) => sample.rssBytes / 2 ** 20);
    return [
      ((done * (i + 1)) / points / 1e6).toFixed(1),
      samples[at]?.atS.toFixed(0) ?? "",
      Math.max(...mib).toFixed(1),
      String(samples[at]?.descriptors ?? ""),
    ];
  });
  return markdown(
    ["million requests, about", "second", "resident MiB, most of 4 turns", "descriptors"],
    lines,
  );
}
