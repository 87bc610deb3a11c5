/** `kes keystore rewrap`: every value to the newest version of the key that the keystore itself encrypts with. */
import { isKesError } from "../../errors.js";
import type { Keystore, RewrapOutcome } from "../../keystore/contract.js";
import type { KeyName } from "../../names.js";
import type { GlobToken } from "../../policy/glob.js";
import { type CommandContext, CommandError, EXIT } from "../command.js";
import { Interrupted, interruptible } from "../interrupt.js";
import { systemTicker } from "../terminal/ticker.js";
import { type KeystoreSource, readKeystoreSource, withKeystore } from "./open.js";
import { Patience } from "./patience.js";
import { mapOrdered } from "./pipeline.js";
import { withProgress } from "./progress.js";
import { reasonOf } from "./reason.js";
import { printRewrap, printRewrapJson, type RewrapTally } from "./rewrap-report.js";
import { NameList } from "./tally.js";
import { DEFAULT_PARALLEL } from "./transfer.js";
import { NameWalk } from "./walk.js";

/** Of one key, when it stays open what an attempt did. */
const MAX_ATTEMPTS = 3;
/** So many failures in a row are no matter of single keys any more. */
const MAX_FAILURES_IN_A_ROW = 16;

export interface RewrapKeysOptions {
  readonly configFile: string;
  readonly tokens: readonly GlobToken[];
  readonly isDryRun: boolean;
  readonly json: boolean;
}

/** @returns the exit code */
export async function rewrapKeys(context: CommandContext, options: RewrapKeysOptions): Promise<number> {
  const source = await readKeystoreSource(context, options.configFile);
  return interruptible((signal) =>
    withKeystore(source, true, (keystore) => new Rewrapping(context, options, source, keystore).run(signal)),
  );
}

class Rewrapping {
  readonly #context: CommandContext;
  readonly #options: RewrapKeysOptions;
  readonly #source: KeystoreSource;
  readonly #keystore: Keystore;
  readonly #rewrap: NonNullable<Keystore["rewrap"]>;
  readonly #tally: RewrapTally = { rewrapped: 0, current: 0, plain: 0, gone: 0, failed: new NameList() };

  /** @throws CommandError for a keystore that cannot do it */
  constructor(
    context: CommandContext,
    options: RewrapKeysOptions,
    source: KeystoreSource,
    keystore: Keystore,
  ) {
    const { rewrap } = keystore;
    if (rewrap === undefined) throw unable(source);
    this.#rewrap = rewrap;
    this.#context = context;
    this.#options = options;
    this.#source = source;
    this.#keystore = keystore;
  }

  async run(signal: AbortSignal): Promise<number> {
    const { output } = this.#context;
    const patience = new Patience(systemTicker, signal, ({ message }) =>
      output.note(`${message}: waiting for it`),
    );
    const names = new NameWalk(this.#keystore, this.#options.tokens, patience);
    const { isDryRun } = this.#options;
    const tally = this.#tally;
    const progress = {
      label: isDryRun ? "looking" : "rewrapping",
      line: (done: number) => `${isDryRun ? "Looked at" : "Rewrapped"} ${String(done).padStart(6)} keys ...`,
      done: () => tally.rewrapped + tally.current + tally.plain + tally.gone + tally.failed.count,
      total: () => names.total,
    };
    const started = performance.now();
    const print = (isComplete: boolean): void => {
      const seconds = (performance.now() - started) / 1000;
      const facts = { keystore: this.#keystore.description, isDryRun, isComplete, tally, seconds };
      if (this.#options.json) printRewrapJson(output, facts);
      else printRewrap(output, facts);
    };
    try {
      await withProgress(output, systemTicker, progress, () => this.#all(names, patience));
    } catch (error) {
      print(false);
      if (!signal.aborted) throw error;
      output.note("interrupted: nothing is half-done; the same command again goes on where it stopped");
      throw signal.reason instanceof Interrupted ? signal.reason : error;
    }
    print(true);
    return tally.failed.count === 0 ? EXIT.done : EXIT.failed;
  }

  /** @throws CommandError when it is no use to go on; the signal's reason */
  async #all(names: NameWalk, patience: Patience): Promise<void> {
    let failuresInARow = 0;
    const results = mapOrdered(names, DEFAULT_PARALLEL, async (name) => {
      try {
        this.#tally[await this.#one(name, patience)]++;
        return { name };
      } catch (error) {
        // What was under way when the person ended it has not failed.
        if (!patience.signal.aborted) this.#tally.failed.add(name, reasonOf(error));
        return { name, error };
      }
    });
    for await (const { name, error } of results) {
      patience.signal.throwIfAborted();
      failuresInARow = error === undefined ? 0 : failuresInARow + 1;
      if (error === undefined) continue;
      const remedy = this.#source.permissions?.lacking("rewrap", error);
      const isOutage = isKesError(error, "KEYSTORE_UNREACHABLE");
      if (remedy === undefined && !isOutage && failuresInARow < MAX_FAILURES_IN_A_ROW) continue;
      throw stopped(name, error, remedy);
    }
  }

  async #one(name: KeyName, patience: Patience): Promise<RewrapOutcome | "gone"> {
    const { isDryRun } = this.#options;
    for (let attempt = 1; ; attempt++) {
      try {
        return await patience.call((signal) => this.#rewrap(name, { isDryRun }, signal));
      } catch (error) {
        // Deleted after it was listed.
        if (isKesError(error, "KEY_NOT_FOUND")) return "gone";
        patience.signal.throwIfAborted();
        if (!isKesError(error, "KEYSTORE_UNCERTAIN") || attempt >= MAX_ATTEMPTS) throw error;
      }
    }
  }
}

function unable({ config }: KeystoreSource): CommandError {
  return new CommandError(
    `the key store of ${config.file} (${config.keystore.kind}) encrypts keys with no key of its own: there is nothing to rewrap`,
  );
}

function stopped(name: KeyName, cause: unknown, remedy: string | undefined): CommandError {
  const permission = remedy === undefined ? [] : [`missing in the policy of the log-in: ${remedy}`];
  return new CommandError(`key "${name}" cannot be rewrapped: ${reasonOf(cause)}`, {
    cause,
    hints: [...permission, "what was rewrapped stays so; the same command again goes on where it stopped"],
  });
}
