/**
 * What a server costs and stands besides single requests: `npm run bench:server`, about ten minutes; `--short` about two.
 * Start and memory, a listing's 1,000 decrypts, listings of many keys, a crowd that wants a cold key, bulk decrypts,
 * handshakes, a storm of them, two workers. Writes bench-results/server-PART.json and with `--document` the regions
 * `server-PART` of docs/performance.md.
 *
 * Options: `--only start,listing,lists,stampede,bulk,handshakes,storm,workers`, `--engines node,keswick`, `--main FILE`.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { makeBenchSite } from "./compare/contenders/site.js";
import { writeRegion } from "./compare/document.js";
import { machine, machineLine } from "./compare/machine.js";
import { buildGo, buildKeswick } from "./compare/programs.js";
import { markdown } from "./compare/tables.js";
import { bulkDecrypt } from "./server/bulk.js";
import { handshakeStorm, handshakes } from "./server/handshakes.js";
import { keyLists, stampede } from "./server/key-lists.js";
import { listingPattern } from "./server/listing-pattern.js";
import type { Bench, Section } from "./server/section.js";
import { startAndMemory } from "./server/start.js";
import { twoWorkers } from "./server/workers.js";

const SECTIONS: Readonly<Record<string, Section>> = {
  start: startAndMemory,
  listing: listingPattern,
  lists: keyLists,
  stampede,
  bulk: bulkDecrypt,
  handshakes,
  storm: handshakeStorm,
  workers: twoWorkers,
};
/** They need the generator in Go. */
const NEED_GO = new Set(["handshakes", "storm"]);

const { values } = parseArgs({
  options: {
    short: { type: "boolean", default: false },
    document: { type: "boolean", default: false },
    only: { type: "string" },
    engines: { type: "string", default: "node,keswick" },
    main: { type: "string" },
  },
});
const wanted = values.only?.split(",") ?? Object.keys(SECTIONS);
const site = await makeBenchSite();
try {
  const bench: Bench = {
    site,
    main: values.main ?? buildKeswick(),
    engines: values.engines.split(",").filter((name) => name === "node" || name === "keswick"),
    generator: buildGo("load"),
    yardstick: buildGo("yardstick"),
    short: values.short,
    progress: (text) => console.error(text),
  };
  const folder = resolve(import.meta.dirname, "../bench-results");
  mkdirSync(folder, { recursive: true });
  console.log(`${machineLine(machine())}\n`);
  for (const name of wanted) {
    const section = SECTIONS[name];
    if (section === undefined)
      throw new Error(`no part '${name}'; there are ${Object.keys(SECTIONS).join(", ")}`);
    if (bench.generator === undefined && NEED_GO.has(name)) {
      console.error(`note: '${name}' is left out: it needs the generator in Go`);
      continue;
    }
    const on = machine();
    const { title, head, lines } = await section(bench);
    const text = `${title}\n\n${markdown(head, lines)}`;
    console.log(text);
    writeFileSync(
      join(folder, `server-${name}.json`),
      `${JSON.stringify({ machine: on, title, head, lines }, undefined, 2)}\n`,
    );
    if (values.document) writeRegion(`server-${name}`, `${text}\n${machineLine(on)}.`);
  }
} finally {
  await site.remove();
}
