/** `kes-s3 rotate`: every object's key under another key of the key service, contents untouched. */
import { type CommandContext, CommandError, EXIT } from "../../command.js";
import { Interrupted } from "../../interrupt.js";
import { mapOrdered } from "../../keystore/pipeline.js";
import { withProgress } from "../../keystore/progress.js";
import { NameList } from "../../keystore/tally.js";
import { systemTicker } from "../../terminal/ticker.js";
import { type RotationTarget, writeMark } from "./mark.js";
import { MOST_UPLOADS, type Outcome, type RotatedObjects } from "./objects.js";

/** So many failures in a row are no matter of single objects any more. */
const MAX_FAILURES_IN_A_ROW = 16;
/** What is lost of the mark by a crash is done again, which does no harm. */
const MARK_EVERY_MS = 1_000;

export interface RotationOptions {
  readonly target: RotationTarget;
  /** Objects up to this one are done. */
  readonly after: string;
  readonly markFile?: string;
  readonly parallel: number;
  readonly json: boolean;
}

type Tally = Record<Outcome, number> & { readonly failed: NameList };

/** @returns the exit code: 1 when an object could not be resealed */
export async function rotate(
  context: CommandContext,
  objects: RotatedObjects,
  options: RotationOptions,
  signal: AbortSignal,
): Promise<number> {
  const rotation = new Rotation(context, objects, options);
  const progress = {
    label: "resealing",
    line: (done: number) => `Resealed ${String(done).padStart(6)} objects ...`,
    done: () => rotation.done,
    total: () => undefined,
  };
  try {
    await withProgress(context.output, systemTicker, progress, () => rotation.run(signal));
  } catch (error) {
    rotation.print(false);
    if (!signal.aborted) throw error;
    context.output.note(rotation.goOnHint());
    throw signal.reason instanceof Interrupted ? signal.reason : error;
  }
  rotation.print(true);
  await rotation.warnOfUploads(signal);
  return rotation.hasFailures ? EXIT.failed : EXIT.done;
}

class Rotation {
  readonly #context: CommandContext;
  readonly #objects: RotatedObjects;
  readonly #options: RotationOptions;
  readonly #started = performance.now();
  readonly #tally: Tally = {
    resealed: 0,
    plain: 0,
    refused: 0,
    "customer-key": 0,
    gone: 0,
    failed: new NameList(),
  };
  /** The last object up to which nothing has failed. */
  #after: string;
  #markedMs = 0;

  constructor(context: CommandContext, objects: RotatedObjects, options: RotationOptions) {
    this.#context = context;
    this.#objects = objects;
    this.#options = options;
    this.#after = options.after;
  }

  get done(): number {
    const { resealed, plain, refused, gone, failed } = this.#tally;
    return resealed + plain + refused + gone + this.#tally["customer-key"] + failed.count;
  }

  get hasFailures(): boolean {
    return this.#tally.failed.count > 0;
  }

  /** @throws CommandError when it is no use to go on; the signal's reason */
  async run(signal: AbortSignal): Promise<void> {
    const { target, after, parallel } = this.#options;
    const keys = this.#objects.keys(target.prefix, after, signal);
    let failuresInARow = 0;
    try {
      for await (const result of mapOrdered(keys, parallel, (key) => this.#one(key, signal))) {
        signal.throwIfAborted();
        if (result.outcome === undefined) {
          this.#tally.failed.add(result.key, reasonOf(result.error));
          if (++failuresInARow === MAX_FAILURES_IN_A_ROW) throw this.#useless(result.key, result.error);
        } else {
          failuresInARow = 0;
          this.#tally[result.outcome]++;
          if (!this.hasFailures) await this.#mark(result.key);
        }
      }
    } finally {
      await this.#mark(this.#after, true);
    }
  }

  async #one(
    key: string,
    signal: AbortSignal,
  ): Promise<{ readonly key: string; readonly outcome?: Outcome; readonly error?: unknown }> {
    try {
      return { key, outcome: await this.#objects.reseal(key, this.#options.target.keyId, signal) };
    } catch (error) {
      return { key, error };
    }
  }

  async #mark(after: string, isLast = false): Promise<void> {
    this.#after = after;
    const { markFile, target } = this.#options;
    const now = performance.now();
    if (markFile === undefined || after === "" || (!isLast && now - this.#markedMs < MARK_EVERY_MS)) return;
    this.#markedMs = now;
    await writeMark(markFile, target, after);
  }

  print(isComplete: boolean): void {
    const { output } = this.#context;
    const { target, json } = this.#options;
    const { failed, resealed, plain, refused, gone, "customer-key": customerKey } = this.#tally;
    const seconds = (performance.now() - this.#started) / 1000;
    if (json) {
      const report = {
        place: this.#objects.place,
        ...{ bucket: target.bucket, prefix: target.prefix, key: target.keyId, isComplete },
        ...{ resealed, plain, customerKey, refused, gone, failed: failed.count },
        failures: failed.entries,
        after: this.#after,
        seconds: Math.round(seconds * 1000) / 1000,
      };
      output.data(`${JSON.stringify(report)}\n`);
      return;
    }
    for (const { name, reason } of failed.entries) output.note(`'${name}' was not resealed: ${reason ?? ""}`);
    const others = [
      [plain, "not encrypted"],
      [customerKey, "under keys of clients"],
      [refused, "of another kind"],
      [gone, "deleted meanwhile"],
      [failed.count, "failed"],
    ] as const;
    const rest = others.filter(([count]) => count > 0).map(([count, what]) => `, ${count} ${what}`);
    const state = isComplete ? "" : " so far";
    output.data(
      `${resealed} objects resealed under '${target.keyId}'${state}${rest.join("")} (${seconds.toFixed(1)} s)\n`,
    );
  }

  /** Objects that become complete later are under the key that their upload was begun with. */
  async warnOfUploads(signal: AbortSignal): Promise<void> {
    const count = await this.#objects.uploads(this.#options.target.prefix, signal);
    if (count === 0) return;
    const many =
      count >= MOST_UPLOADS
        ? `${count} or more uploads are`
        : count === 1
          ? "1 upload is"
          : `${count} uploads are`;
    this.#context.output.note(
      `${many} not complete and may be under an older key: complete or abort them before that key is deleted`,
    );
  }

  /** How the rest is done after an interruption. */
  goOnHint(): string {
    const { markFile } = this.#options;
    if (markFile !== undefined) return "interrupted: the same command again goes on where it stopped";
    return this.#after === ""
      ? "interrupted: nothing is half-done"
      : `interrupted: go on with --start-after '${this.#after}'`;
  }

  #useless(key: string, cause: unknown): CommandError {
    return new CommandError(`'${key}' and those before it cannot be resealed: ${reasonOf(cause)}`, {
      cause,
      hints: ["what was resealed stays so; the same command again does the rest"],
    });
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
