/** Kills stores at random moments. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { DirectoryStore } from "../../src/storage/store/directory-store.js";
import { rebuildIndex } from "../../src/storage/store/rebuild.js";
import { BUCKET, stateOf } from "./content.js";
import { ABSENT, Journal } from "./journal.js";

/** What came out. */
export interface CrashReport {
  readonly kills: number;
  /** Changes that were acknowledged: each was looked for after its crash. */
  readonly acknowledged: number;
  readonly objects: number;
  readonly uploads: number;
  /** Empty when nothing was lost, altered or left over. */
  readonly violations: readonly string[];
}

/** A child is killed so many milliseconds after its first word, at most. */
const LONGEST_LIFE_MS = 400;
/** After so many kills the index is built anew, from what the crash left. */
const REBUILD_EVERY = 10;

/**
 * Kills `kills` children on `folder`, one after the other, and looks after each.
 * @param random - a number from 0 to 1, decides the moments
 */
export async function runCrashes(
  folder: string,
  kills: number,
  random: () => number,
  progress: (kill: number) => void = () => {},
): Promise<CrashReport> {
  const journal = new Journal();
  const violations: string[] = [];
  let objects = 0;
  let uploads = 0;
  // The next child loads while the one before it works; it opens the store when it is told to.
  let next = launch(folder, 0);
  try {
    for (let kill = 0; kill < kills; kill++) {
      const child = next;
      next = launch(folder, kill + 1);
      await crash(child, journal, random() * LONGEST_LIFE_MS, violations);
      if (kill % REBUILD_EVERY === REBUILD_EVERY - 1) await rebuild(folder, violations);
      ({ objects, uploads } = await inspect(folder, journal, `after kill ${kill + 1}`, violations));
      progress(kill + 1);
    }
  } finally {
    next.kill("SIGKILL");
  }
  return { kills, acknowledged: journal.acknowledgements, objects, uploads, violations };
}

function launch(folder: string, kill: number): ChildProcess {
  const file = fileURLToPath(new URL("./child.ts", import.meta.url));
  return spawn(process.execPath, ["--import", "tsx", file, folder, `k${kill}`], {
    stdio: ["pipe", "pipe", "inherit"],
  });
}

/** Lets `child` work for `lifeMs` from its first word on, and kills it. */
async function crash(
  child: ChildProcess,
  journal: Journal,
  lifeMs: number,
  violations: string[],
): Promise<void> {
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new Error("the child has no pipes");
  const exited = once(child, "exit");
  const lines = createInterface({ input: stdout });
  const ended = once(lines, "close");
  const begun = once(lines, "line");
  lines.on("line", (line) => {
    if (line !== "try ready 1") journal.read(line);
  });
  // A child that ended by itself is told below; writing to it must not end this process, too.
  stdin.on("error", () => {});
  stdin.write("go\n");
  await Promise.race([begun, exited]);
  await setTimeout(lifeMs);
  child.kill("SIGKILL");
  const [code, signal] = await exited;
  if (signal !== "SIGKILL") violations.push(`a child ended by itself (${code})`);
  await ended;
}

async function rebuild(folder: string, violations: string[]): Promise<void> {
  const { damages } = await rebuildIndex(folder);
  for (const damage of damages) {
    // A record that was being written: nobody was told that it stands.
    if (damage.kind !== "damaged-record" && damage.kind !== "unused-content")
      violations.push(`rebuilding: ${JSON.stringify(damage)}`);
  }
  // Its content is kept until it is put aside.
  if (damages.length > 0) await rebuildIndex(folder);
}

async function inspect(
  folder: string,
  journal: Journal,
  when: string,
  violations: string[],
): Promise<{ objects: number; uploads: number }> {
  const store = await DirectoryStore.open(folder, {
    warn: (message) => violations.push(`${when}: ${message}`),
  });
  try {
    if (store.bucket(BUCKET) === undefined) return { objects: 0, uploads: 0 };
    const known = new Set<string>();
    for (const [name, states] of journal.expectations()) {
      known.add(name);
      const state = name.startsWith("setting-")
        ? (store.setting(name) ?? ABSENT)
        : ((await stateOf(store, name).catch(String)) ?? ABSENT);
      if (!states.has(state))
        violations.push(`${when}: ${name} is ${state}, not ${[...states].join(" or ")}`);
      journal.settle(name, state);
    }
    let objects = 0;
    for (const { key } of store.scan(BUCKET, Buffer.alloc(0))) {
      objects++;
      if (!known.has(key)) violations.push(`${when}: ${key} was never put`);
    }
    for await (const { kind, name, path } of store.verify())
      violations.push(`${when}: ${kind} ${name ?? path}`);
    const uploads = [...store.scanUploads(BUCKET, Buffer.alloc(0))];
    for (const { key, id } of uploads.slice(0, 20)) await store.abortUpload(BUCKET, key, id);
    return { objects, uploads: uploads.length };
  } finally {
    await store.close();
  }
}
