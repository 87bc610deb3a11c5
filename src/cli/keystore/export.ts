/** `kes keystore export`: all keys of a keystore in one encrypted file. */
import { dirname, resolve } from "node:path";
import { secureRandom } from "../../crypto/random.js";
import { isKesError } from "../../errors.js";
import type { Keystore } from "../../keystore/contract.js";
import type { KeyName } from "../../names.js";
import type { GlobToken } from "../../policy/glob.js";
import { type CommandContext, CommandError, EXIT } from "../command.js";
import { removeStaleDrafts } from "../file/drafts.js";
import { createOutFile } from "../file/out-file.js";
import { interruptible } from "../interrupt.js";
import { printJson } from "../remote/print.js";
import { systemTicker } from "../terminal/ticker.js";
import type { Locksmith } from "./bundle/lock.js";
import { lockFor, type SealingFlags } from "./bundle/secrets.js";
import { BundleWriter } from "./bundle/write.js";
import { isKeyValue } from "./canary.js";
import { readKeystoreSource, withKeystore } from "./open.js";
import { Patience } from "./patience.js";
import { mapOrdered } from "./pipeline.js";
import { withProgress } from "./progress.js";
import { reasonOf } from "./reason.js";
import { NameList } from "./tally.js";
import { DEFAULT_PARALLEL } from "./transfer.js";
import { NameWalk } from "./walk.js";

export interface ExportOptions {
  readonly configFile: string;
  readonly out: string;
  readonly tokens: readonly GlobToken[];
  /** What `tokens` was written as; undefined for all keys. */
  readonly pattern: string | undefined;
  readonly flags: SealingFlags;
  readonly force: boolean;
  /** Leave out what cannot be read, instead of making no bundle. */
  readonly skipFailed: boolean;
  readonly json: boolean;
}

interface ExportFacts {
  readonly failed: NameList;
  readonly notKeys: NameList;
  count: number;
}

/** @returns the exit code */
export async function exportKeys(context: CommandContext, options: ExportOptions): Promise<number> {
  const source = await readKeystoreSource(context, options.configFile);
  const lock = await lockFor(context, options.flags, secureRandom);
  const facts: ExportFacts = { failed: new NameList(), notKeys: new NameList(), count: 0 };
  const started = performance.now();
  await interruptible((signal) =>
    withKeystore(source, true, (keystore) => write(context, options, { keystore, lock, facts, signal })),
  );
  report(context, options, facts, (performance.now() - started) / 1000);
  return facts.failed.count === 0 ? EXIT.done : EXIT.failed;
}

interface Work {
  readonly keystore: Keystore;
  readonly lock: Locksmith;
  readonly facts: ExportFacts;
  readonly signal: AbortSignal;
}

async function write(
  { output, cwd }: CommandContext,
  { out, force, tokens, skipFailed }: ExportOptions,
  { keystore, lock, facts, signal }: Work,
): Promise<void> {
  const patience = new Patience(systemTicker, signal, ({ message }) =>
    output.note(`${message}: waiting for it`),
  );
  const sink = await createOutFile(out, { cwd, force, mode: 0o600, source: undefined });
  try {
    await removeStaleDrafts(dirname(resolve(cwd, out)), Date.now());
    const names = new NameWalk(keystore, tokens, patience);
    const writer = await BundleWriter.begin({
      sink,
      header: await lock(),
      about: { createdAt: new Date().toISOString(), keystore: keystore.description },
      random: secureRandom,
    });
    const progress = {
      label: "exporting",
      line: (done: number) => `Exported ${String(done).padStart(6)} keys ...`,
      done: () => writer.count,
      total: () => names.total,
    };
    await withProgress(output, systemTicker, progress, async () => {
      for await (const { name, value, error } of mapOrdered(names, DEFAULT_PARALLEL, (each) =>
        read(each, keystore, patience),
      )) {
        signal.throwIfAborted();
        if (value !== undefined) {
          if (!isKeyValue(value)) facts.notKeys.add(name);
          await writer.add(name, value);
          value.fill(0);
        } else if (!isKesError(error, "KEY_NOT_FOUND")) {
          // A name that was deleted meanwhile is no key any more; anything else would be missing from the backup.
          if (!skipFailed || isKesError(error, "KEYSTORE_UNREACHABLE")) throw unreadable(name, error);
          facts.failed.add(name, reasonOf(error));
        }
      }
    });
    await writer.finish(signal);
    facts.count = writer.count;
  } finally {
    await sink.close();
  }
}

async function read(
  name: KeyName,
  keystore: Keystore,
  patience: Patience,
): Promise<{ readonly name: KeyName; readonly value?: Uint8Array; readonly error?: unknown }> {
  try {
    return { name, value: await patience.call((signal) => keystore.get(name, signal)) };
  } catch (error) {
    return { name, error };
  }
}

function unreadable(name: KeyName, cause: unknown): CommandError {
  return new CommandError(`key "${name}" cannot be read: ${reasonOf(cause)}`, {
    cause,
    hints: ["no bundle was written; --skip-failed writes one without what cannot be read"],
  });
}

function report(
  { output }: CommandContext,
  { out, json, pattern }: ExportOptions,
  { count, failed, notKeys }: ExportFacts,
  seconds: number,
): void {
  if (json) {
    const lists = { failed: { count: failed.count, keys: failed.entries }, not_keys: notKeys.names };
    printJson(output, { file: out, keys: count, ...lists, seconds: Number(seconds.toFixed(3)) });
    return;
  }
  if (count + failed.count === 0)
    output.note(
      `${pattern === undefined ? "the key store holds no keys" : `no key matches "${pattern}"`}: the bundle is empty`,
    );
  for (const { name, reason } of failed.entries) output.note(`key "${name}" is left out: ${reason}`);
  for (const name of notKeys.names) output.note(`key "${name}" is no key to this version; kept as it is`);
  output.data(`Exported ${String(count).padStart(6)} keys to ${out} in ${seconds.toFixed(1)}s\n`);
}
