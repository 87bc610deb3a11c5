/**
 * Settings of sockets, TLS, V8 and our engines, each tried against the server as it is: `npm run bench:trials`, seven to
 * twelve minutes. Servers with and without a setting take turns in slices of 0.25 s; CPU time for a request (or a handshake),
 * throughput and latency come out as ratios, with the middle half of the rounds. Writes bench-results/trials.json, and
 * with `--document` the region `trials` of docs/performance.md. It needs Go, for the load generator.
 *
 * Options: `--rounds N`, `--seconds N` for each slice, `--only turn,suites,…`, `--list`, `--main FILE`.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { CleanUp } from "../test/support/clean-up.js";
import { writeRegion } from "./compare/document.js";
import { machine, machineLine } from "./compare/machine.js";
import { buildGo, buildKeswick } from "./compare/programs.js";
import { joined, measureLoad, type Rounds, type Series } from "./trials/measure.js";
import { type Outcome, trialTable } from "./trials/report.js";
import { Sites, startTrialServer, type TrialServer } from "./trials/server.js";
import type { Load, Setting, Trial } from "./trials/trial.js";
import { TRIALS } from "./trials/trials.js";

/** Processes of each setting, one after the other. */
const LIVES = 2;

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "0.25" },
    only: { type: "string" },
    list: { type: "boolean", default: false },
    document: { type: "boolean", default: false },
    main: { type: "string" },
  },
});
if (values.list) {
  for (const { id, title } of TRIALS) console.log(`${id.padEnd(18)}${title}`);
} else await run();

async function run(): Promise<void> {
  const generator = buildGo("load");
  if (generator === undefined)
    throw new Error("the trials need the load generator in Go, and there is no Go");
  const rounds = Number(values.rounds);
  const seconds = Number(values.seconds);
  const plan: Rounds = { rounds, seconds, warmUpSeconds: seconds, generator };
  const main = values.main ?? buildKeswick();
  const wanted = values.only?.split(",");
  const unknown = wanted?.find((id) => !TRIALS.some((trial) => trial.id === id));
  if (unknown !== undefined) throw new Error(`no trial '${unknown}'; --list shows them`);
  const on = machine();
  const sites = new Sites();
  const outcomes: Outcome[] = [];
  try {
    for (const trial of TRIALS.filter(({ id }) => wanted?.includes(id) ?? true))
      outcomes.push(...(await runTrial(trial, sites, main, plan)));
  } finally {
    await sites.remove();
  }
  const how = `${LIVES} processes of each setting with ${rounds} rounds of ${seconds} s for each load, decrypts with audit on; ratios are medians of the rounds, with the middle half of them.`;
  const text = `${machineLine(on)}. ${how}\n\n${trialTable(outcomes)}`;
  console.log(text);
  const folder = resolve(import.meta.dirname, "../bench-results");
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, "trials.json"),
    `${JSON.stringify({ machine: on, rounds, seconds, outcomes })}\n`,
  );
  if (values.document) writeRegion("trials", text);
}

/** Each setting gets several processes, started in another order each time: how V8 sizes its heap is a matter of luck. */
async function runTrial(trial: Trial, sites: Sites, main: string, plan: Rounds): Promise<Outcome[]> {
  const { id, title, asItIs, others, loads } = trial;
  const settings = [asItIs, ...others];
  const found = new Map<Load, Series[][]>();
  for (let life = 0; life < LIVES; life++) {
    const cleanUp = new CleanUp();
    try {
      const servers = new Map<Setting, TrialServer>();
      for (const at of settings.keys()) {
        const index = (at + life) % settings.length;
        const setting = settings[index] ?? asItIs;
        const server = await startTrialServer(sites, `${id}-${index}-${life}`, trial.engine, main, setting);
        cleanUp.add(() => server.contender.stop());
        servers.set(setting, server);
      }
      const inOrder = settings.flatMap((setting) => servers.get(setting) ?? []);
      // The compilers of V8 need some ten thousand requests.
      await measureLoad(inOrder, "h2, 1 × 16", { ...plan, rounds: 1, warmUpSeconds: 0.4 });
      for (const load of loads) {
        const lives = found.get(load) ?? [];
        lives.push(await measureLoad(inOrder, load, plan));
        found.set(load, lives);
      }
    } finally {
      await cleanUp.run();
    }
  }
  const outcomes = [...found].map(([load, lives]) => {
    const [base, ...rest] = joined(lives);
    if (base === undefined) throw new Error(`${id}: nothing was measured`);
    return { trial: { id, title }, load, asItIs: base, others: rest };
  });
  console.error(trialTable(outcomes).split("\n").slice(2).join("\n").trim());
  return outcomes;
}
