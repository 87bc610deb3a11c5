/**
 * Runs every suite whose servers can speak HTTP by either engine on the one that is not the default:
 * `npm run test:node-http`. Arguments go to mocha. Which suites these are is read from their imports, so that a new
 * one is among them without being named.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { sources, targetsOf } from "./import-graph.js";

/** Who imports this starts its servers on the engine that the environment names. */
const CHOICE = "test/support/http-engine.ts";
/** Fewer would mean that the imports were not understood. */
const FEWEST = 40;

const suites = sources("test").filter((file) => file.endsWith(".test.ts") && reaches(file, CHOICE));
if (suites.length < FEWEST) throw new Error(`only ${suites.length} suites were found, not ${FEWEST}`);
const mocha = fileURLToPath(import.meta.resolve("mocha/bin/mocha.js"));
const { status } = spawnSync(process.execPath, [mocha, ...suites, ...process.argv.slice(2)], {
  cwd: fileURLToPath(new URL("../..", import.meta.url)),
  env: { ...process.env, KESWICK_TEST_HTTP: "node" },
  stdio: "inherit",
});
process.exitCode = status ?? 1;

function reaches(from: string, target: string): boolean {
  const seen = new Set([from]);
  for (const file of seen) {
    for (const next of targetsOf(file)) if (next.startsWith("test/") && existsSync(next)) seen.add(next);
  }
  return seen.has(target);
}
