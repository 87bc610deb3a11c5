/** `kes keystore import` and `kes keystore drill`: keys out of a bundle. */
import { secureRandom } from "../../crypto/random.js";
import { type CommandContext, CommandError, EXIT } from "../command.js";
import { openSource, type Source } from "../file/source.js";
import { interruptible } from "../interrupt.js";
import { printJson } from "../remote/print.js";
import { systemTicker } from "../terminal/ticker.js";
import { type DrillFacts, drill } from "./bundle/drill.js";
import { type Opener, readBundle } from "./bundle/read.js";
import { givenLock, openerFor } from "./bundle/secrets.js";
import type { KeyEntry, OnConflict } from "./copy.js";
import { readKeystoreSource, withKeystore } from "./open.js";
import { withProgress } from "./progress.js";
import { transfer } from "./transfer.js";

interface OpeningFlags {
  readonly "passphrase-file": string | undefined;
  readonly key: string | undefined;
}

export interface ImportOptions {
  readonly file: string;
  readonly configFile: string;
  readonly flags: OpeningFlags;
  readonly mode: "copy" | "plan";
  readonly onConflict: OnConflict;
  readonly oldValues: string;
  readonly parallel: number;
  readonly json: boolean;
}

/** @returns the exit code */
export async function importKeys(context: CommandContext, options: ImportOptions): Promise<number> {
  const to = await readKeystoreSource(context, options.configFile);
  const opener = openerFor(context, options.flags);
  const { file, mode, onConflict, parallel, json } = options;
  const lock = await givenLock(context, { recipient: undefined, "passphrase-file": undefined }, secureRandom);
  return interruptible(async (signal) => {
    // All of it once, before the first key is stored: that its end is missing shows only there.
    const { count } = await prove(context, file, opener, signal);
    return withKeystore(to, mode !== "copy", (target) =>
      transfer(context, {
        from: file,
        to: target,
        ...{ mode, onConflict, parallel, json, signal },
        oldValues: { base: options.oldValues, lock },
        entries: () => entriesOf(context, file, opener, signal),
        total: () => count,
      }),
    );
  });
}

/** Proves a bundle and every key in it. @returns the exit code */
export async function drillBundle(
  context: CommandContext,
  options: { readonly file: string; readonly flags: OpeningFlags; readonly json: boolean },
): Promise<number> {
  const { output } = context;
  const { file, json } = options;
  const started = performance.now();
  const facts = await interruptible((signal) =>
    prove(context, file, openerFor(context, options.flags), signal),
  );
  const seconds = (performance.now() - started) / 1000;
  const { about, count, opened, notKeys, broken } = facts;
  const isGood = opened === count;
  if (json) {
    printJson(output, {
      ...{ file, made: about.createdAt, keystore: about.keystore },
      ...{ keys: count, opened, not_keys: notKeys.names, broken: broken.names },
      seconds: Number(seconds.toFixed(3)),
    });
    return isGood ? EXIT.done : EXIT.failed;
  }
  const parsed = count - notKeys.count;
  output.data(
    [
      `Bundle      ${file}`,
      `Made        ${about.createdAt} from ${about.keystore}`,
      `Keys        ${count}, read in ${seconds.toFixed(1)}s; the file is whole and unaltered`,
      `Usable      ${parsed} are keys to this version, ${opened} opened what was sealed with them`,
      "",
    ].join("\n"),
  );
  for (const name of notKeys.names.slice(0, 10)) output.note(`"${name}" is no key to this version`);
  for (const name of broken.names.slice(0, 10))
    output.note(`key "${name}" does not open what was sealed with it`);
  return isGood ? EXIT.done : EXIT.failed;
}

async function prove(
  context: CommandContext,
  file: string,
  opener: Opener,
  signal: AbortSignal,
): Promise<DrillFacts> {
  let done = 0;
  const progress = {
    label: "checking",
    line: (count: number) => `Checked ${String(count).padStart(6)} keys of the bundle ...`,
    done: () => done,
    total: () => undefined,
  };
  return withProgress(context.output, systemTicker, progress, () =>
    withSource(context, file, signal, (source) =>
      drill(
        (onAbout) => readBundle(source, opener, onAbout),
        () => {
          signal.throwIfAborted();
          done++;
        },
      ),
    ),
  );
}

async function* entriesOf(
  context: CommandContext,
  file: string,
  opener: Opener,
  signal: AbortSignal,
): AsyncGenerator<KeyEntry> {
  const source = await openBundle(context, file, signal);
  try {
    for await (const { name, value } of readBundle(source, opener)) {
      yield { name, isListed: false, read: async () => value };
    }
  } finally {
    await source.close();
  }
}

async function withSource<T>(
  context: CommandContext,
  file: string,
  signal: AbortSignal,
  work: (source: Source) => Promise<T>,
): Promise<T> {
  const source = await openBundle(context, file, signal);
  try {
    return await work(source);
  } finally {
    await source.close();
  }
}

/** @throws CommandError for a pipe: a bundle is read twice */
async function openBundle(
  { cwd, stdin }: CommandContext,
  file: string,
  signal: AbortSignal,
): Promise<Source> {
  const source = await openSource(file, { cwd, stdin, signal });
  if (source.file !== undefined) return source;
  await source.close();
  throw new CommandError(`${source.name} is not a regular file: a bundle is read twice`);
}
