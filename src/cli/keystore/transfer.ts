/** Keys from somewhere into a keystore, with progress and a report: what `kes migrate` and `kes keystore import` share. */
import { secureRandom } from "../../crypto/random.js";
import type { Keystore } from "../../keystore/contract.js";
import { type CommandContext, CommandError, EXIT } from "../command.js";
import { Interrupted } from "../interrupt.js";
import { systemTicker } from "../terminal/ticker.js";
import type { Locksmith } from "./bundle/lock.js";
import { CopyStopped, copyKeys, type KeyEntry, type OnConflict } from "./copy.js";
import { OldValues } from "./old-values.js";
import { Patience } from "./patience.js";
import { withProgress } from "./progress.js";
import { reasonOf } from "./reason.js";
import { type CopyFacts, isGood, printCopyJson, printCopyReport } from "./report.js";
import { Tally } from "./tally.js";
import { Target } from "./target.js";

export const DEFAULT_PARALLEL = 16;

export interface TransferOptions {
  /** Description of where the keys come from. */
  readonly from: string;
  readonly to: Keystore;
  readonly mode: CopyFacts["mode"];
  readonly onConflict: OnConflict;
  /** For `replace`: name of the file for replaced values, without extension, and what it is locked with. */
  readonly oldValues: { readonly base: string; readonly lock: Locksmith | undefined };
  readonly parallel: number;
  readonly json: boolean;
  /** The keys. @param tally - for names that only the target has */
  entries(patience: Patience, tally: Tally): AsyncIterable<KeyEntry>;
  /** How many there are, once it is known. */
  total(): number | undefined;
  readonly signal: AbortSignal;
}

/** @returns the exit code @throws CommandError when it had to stop; Interrupted */
export async function transfer(context: CommandContext, options: TransferOptions): Promise<number> {
  const { output, cwd } = context;
  const { to, mode, onConflict, signal, parallel } = options;
  const tally = new Tally();
  const noteOutage = (error: Error): void => output.note(`${error.message}: waiting for it`);
  const patience = new Patience(systemTicker, signal, noteOutage);
  // Between a delete and a create nothing is given up: a second Ctrl-C ends the process if that takes too long.
  const unstoppable = new Patience(systemTicker, new AbortController().signal, noteOutage);
  const replacing = new Target(to, unstoppable);
  const old = new OldValues({
    target: replacing,
    ...options.oldValues,
    cwd,
    random: secureRandom,
    nowMs: Date.now(),
    signal,
  });
  const started = performance.now();
  const facts = (isComplete: boolean): CopyFacts => ({
    from: options.from,
    to: to.description,
    mode,
    isMerge: onConflict === "keep",
    tally,
    seconds: (performance.now() - started) / 1000,
    oldValues: old.files,
    oldValuesKey: old.keyFile,
    isComplete,
  });
  const print = (isComplete: boolean): void => {
    if (options.json) printCopyJson(output, facts(isComplete));
    else printCopyReport(output, facts(isComplete));
  };
  const work = (): Promise<void> =>
    copyKeys({
      entries: options.entries(patience, tally),
      target: new Target(to, patience),
      ...{ mode, onConflict, tally, parallel, signal },
      replaceAll: async (conflicts) => {
        const isOld = await old.keep(conflicts.map(({ name }) => name));
        for (const { name, value } of conflicts) {
          signal.throwIfAborted();
          try {
            await replacing.replace(name, value, (there) => isOld(name, there));
            tally.replaced++;
          } catch (error) {
            tally.failed.add(name, reasonOf(error));
          } finally {
            value.fill(0);
          }
        }
      },
    });
  const progress = {
    ...wordsOf(mode),
    done: () => tally.done,
    total: options.total,
  };
  try {
    await withProgress(output, systemTicker, progress, work);
  } catch (error) {
    print(false);
    if (error instanceof CopyStopped) throw stopped(error);
    if (signal.aborted) {
      output.note("interrupted: nothing is half-done; the same command again goes on where it stopped");
      throw signal.reason instanceof Interrupted ? signal.reason : error;
    }
    throw error;
  }
  print(true);
  return isGood(facts(true)) ? EXIT.done : EXIT.failed;
}

function stopped(error: CopyStopped): CommandError {
  const hints =
    error.reason === "conflict"
      ? [
          "--dry-run shows every key that differs; --merge keeps the target's values",
          "--force replaces them, and keeps the old ones in an encrypted file",
        ]
      : ["what was copied stays; the same command again goes on where it stopped"];
  return new CommandError(error.message, { hints, cause: error });
}

function wordsOf(mode: CopyFacts["mode"]): {
  readonly label: string;
  readonly line: (done: number) => string;
} {
  const six = (done: number): string => String(done).padStart(6);
  if (mode === "copy") return { label: "migrating", line: (done) => `Migrated ${six(done)} keys ...` };
  return { label: "comparing", line: (done) => `Compared ${six(done)} keys ...` };
}
