/**
 * Plays random and bent sequences of frames to our own HTTP/2 and holds every one against the rules of
 * `test/support/http2-fuzz/judge.ts`: `npm run fuzz:http2 -- --seconds 60`. Sequences that show something new are
 * bent further. Ends with 1 when a rule was broken, and says from which seed it can be repeated.
 *
 * Options: `--seconds N` (default 30), `--seed N` (default the time), `--keep` writes what showed something new to
 * `test/fixtures/fuzz-http2/`, `--requests N` plays so many requests to our engine and to `node:http2` instead and
 * compares what became of each.
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Corpus, readCorpus } from "../test/support/http2-fuzz/corpus.js";
import { judge } from "../test/support/http2-fuzz/judge.js";
import { Random } from "../test/support/http2-fuzz/random.js";
import { mutate, sequence } from "../test/support/http2-fuzz/sequences.js";
import { compareEngines } from "./http2-fuzz/differential.js";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "30" },
    seed: { type: "string", default: String(Date.now() % 0xffff_ffff) },
    keep: { type: "boolean", default: false },
    requests: { type: "string" },
  },
});
const FOLDER = fileURLToPath(new URL("../test/fixtures/fuzz-http2/", import.meta.url));
/** Longest sequence that is kept and bent again. */
const MAX_KEPT_BYTES = 4_096;
const MAX_FAULTS = 10;

if (values.requests === undefined) fuzz(Number(values.seconds), Number(values.seed));
else await compareEngines(Number(values.requests), Number(values.seed));

function fuzz(seconds: number, firstSeed: number): void {
  const corpus = new Corpus();
  const faults = new Map<string, number>();
  const began = performance.now();
  for (const input of readCorpus(FOLDER)) corpus.add(input, judge(input, new Random(0)));
  const known = corpus.features;
  let plays = 0;
  let bytes = 0;
  for (let seed = firstSeed; performance.now() - began < seconds * 1_000; seed++) {
    const random = new Random(seed);
    const kept = random.chance(0.4) ? corpus.pick(random) : undefined;
    const input = kept === undefined ? sequence(random) : mutate(random, kept);
    plays++;
    bytes += input.length;
    try {
      const features = judge(input, random);
      if (input.length <= MAX_KEPT_BYTES) corpus.add(input, features);
    } catch (error) {
      const fault = error instanceof Error ? (error.stack ?? error.message) : String(error);
      console.error(`broken: ${fault}\n  input: ${input.toString("hex")}`);
      const rule = error instanceof Error ? error.message : String(error);
      faults.set(rule, (faults.get(rule) ?? 0) + 1);
      process.exitCode = 1;
      if (faults.size >= MAX_FAULTS) break;
    }
  }
  const elapsed = (performance.now() - began) / 1_000;
  const row = (what: string, value: string): void => console.log(`${what.padEnd(28)}${value.padStart(14)}`);
  row("first seed", String(firstSeed));
  row("seconds", elapsed.toFixed(1));
  row("sequences", plays.toLocaleString("en"));
  row("a second", (plays / elapsed).toFixed(0));
  row("bytes", bytes.toLocaleString("en"));
  row("things seen", String(corpus.features));
  row("of them new", String(corpus.features - known));
  row("rules broken", String([...faults.values()].reduce((sum, one) => sum + one, 0)));
  if (values.keep) corpus.write(FOLDER);
}
