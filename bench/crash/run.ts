/** Kills servers at random moments and holds what they acknowledged against what a fresh server finds. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { realEnvironment } from "../../keystores/fs/index.js";
import { FsKeystore } from "../../keystores/fs/store.js";
import { nodeFileSystem } from "../../keystores/fs/system.js";
import { isKesError } from "../../src/errors.js";
import type { Keystore } from "../../src/keystore/contract.js";
import { type KeyName, keyName } from "../../src/names.js";
import { ABSENT, Journal, type State } from "./journal.js";
import { fingerprint, isWhole } from "./values.js";

/** What came out. */
export interface CrashReport {
  readonly rounds: number;
  /** Acknowledged changes: creates, replaces and deletes. */
  readonly acknowledged: number;
  /** Keys whose state is the acknowledged one. */
  readonly verified: number;
  /** Keys in the state of a change that had no answer yet when its server was killed. */
  readonly unacknowledged: number;
  readonly listed: number;
  /** Drafts and locks left by killed servers, before and after a server looked for old ones. */
  readonly leftovers: number;
  readonly leftoversAfterSweep: number;
  /** Acknowledged and lost, torn, wrong, listed but unreadable: none of it may happen. */
  readonly violations: readonly string[];
}

/** A child is killed so many milliseconds after its start, at most. */
const LONGEST_LIFE_MS = 80;
const HOUR_MS = 60 * 60 * 1000;

/**
 * Runs `rounds` children on the key folder `path`, which should be empty, one after the other.
 * @param random - a number from 0 to 1, decides the moments
 */
export async function runCrashes(
  path: string,
  rounds: number,
  random: () => number,
  progress: (round: number) => void = () => {},
): Promise<CrashReport> {
  const journal = new Journal();
  const violations: string[] = [];
  // The next child loads while the one before it works.
  let next = launch(path, 0);
  for (let round = 0; round < rounds; round++) {
    const child = next;
    next = launch(path, round + 1);
    await crash(child, journal, random() * LONGEST_LIFE_MS, violations);
    progress(round + 1);
  }
  next.kill("SIGKILL");
  const leftovers = readdirSync(path).filter((name) => name.startsWith(".")).length;
  const found = await inspect(path, journal, violations);
  violations.push(...journal.warnings);
  const leftoversAfterSweep = await sweep(path);
  if (leftoversAfterSweep > 0) violations.push(`${leftoversAfterSweep} leftovers were not removed`);
  return {
    rounds,
    acknowledged: journal.acknowledgements,
    ...found,
    leftovers,
    leftoversAfterSweep,
    violations,
  };
}

function launch(path: string, round: number): ChildProcess {
  const file = fileURLToPath(new URL("./child.ts", import.meta.url));
  return spawn(process.execPath, ["--import", "tsx", file, path, `r${round}`], {
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
  lines.on("line", (line) => journal.read(line));
  stdin.on("error", () => {});
  stdin.write("go\n");
  await Promise.race([begun, exited]);
  await setTimeout(lifeMs);
  child.kill("SIGKILL");
  const [code, signal] = await exited;
  if (signal !== "SIGKILL") violations.push(`a child ended by itself (${code})`);
  await ended;
}

async function inspect(
  path: string,
  journal: Journal,
  violations: string[],
): Promise<{ verified: number; unacknowledged: number; listed: number }> {
  const store = await open(path, 0, violations);
  try {
    let verified = 0;
    let unacknowledged = 0;
    for (const name of journal.names) {
      const state = await look(store, named(name), violations);
      if (state === journal.acknowledged(name)) verified++;
      else if (journal.allows(name, state)) unacknowledged++;
      else violations.push(`${name}: acknowledged ${journal.acknowledged(name)}, found ${state}`);
    }
    let listed = 0;
    for (let after: KeyName | undefined; ; ) {
      const page = await store.list({ prefix: "", limit: 1000, ...(after === undefined ? {} : { after }) });
      for (const name of page.names) {
        listed++;
        const state = await look(store, name, violations);
        if (state === ABSENT) violations.push(`${name}: listed, but it cannot be read`);
        else if (!journal.allows(name, state)) violations.push(`${name}: nobody has made what is listed`);
      }
      if (!page.more) break;
      after = page.names.at(-1);
    }
    return { verified, unacknowledged, listed };
  } finally {
    await store.close();
  }
}

/** The state of a key; a torn value is a violation, whatever was said of it. */
async function look(store: Keystore, name: KeyName, violations: string[]): Promise<State> {
  try {
    const value = await store.get(name);
    if (!isWhole(name, value)) violations.push(`${name}: torn, ${value.length} bytes`);
    return fingerprint(value);
  } catch (error) {
    if (isKesError(error, "KEY_NOT_FOUND")) return ABSENT;
    violations.push(`${name}: ${isKesError(error) ? error.code : String(error)}`);
    return "unreadable";
  }
}

/** Opens a server two hours later, which removes leftovers, and counts what is left of them. */
async function sweep(path: string): Promise<number> {
  const store = await open(path, 2 * HOUR_MS, []);
  const leftovers = (): number => readdirSync(path).filter((name) => name.startsWith(".")).length;
  for (const end = performance.now() + 10_000; leftovers() > 0 && performance.now() < end; )
    await setTimeout(5);
  await store.close();
  return leftovers();
}

function open(path: string, laterMs: number, violations: string[]): Promise<FsKeystore> {
  return FsKeystore.open(
    { path },
    {
      warn: (message) => violations.push(message),
      system: nodeFileSystem,
      env: { ...realEnvironment, wallClock: () => Date.now() + laterMs },
    },
  );
}

function named(text: string): KeyName {
  const name = keyName(text);
  if (name === undefined) throw new Error(`not a key name: ${text}`);
  return name;
}
