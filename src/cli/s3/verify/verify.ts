/** `kes-s3 verify`: every object of a folder from its first byte to its last. */
import { causes } from "../../../audit/error-log.js";
import { walkObjects } from "../../../storage/local/walk.js";
import type { ObjectService } from "../../../storage/objects/object-service.js";
import { isS3Error } from "../../../storage/s3/errors.js";
import type { ObjectPath } from "../../../storage/sse/seal.js";
import { StoreFolderError } from "../../../storage/store/prepare-folder.js";
import type { StoreReader } from "../../../storage/store/store-reader.js";
import { type CommandContext, CommandError, EXIT } from "../../command.js";
import { Interrupted } from "../../interrupt.js";
import { mapOrdered } from "../../keystore/pipeline.js";
import { withProgress } from "../../keystore/progress.js";
import { printable } from "../../terminal/text.js";
import { systemTicker } from "../../terminal/ticker.js";
import { bytesText } from "../../terminal/units.js";
import { checkObject, type Finding } from "./check-object.js";

/** Reading and decrypting keep a disk and a core busy with few. */
const AT_ONCE = 4;
/** An object that is replaced again and again while it is read: each turn is another version. */
const MAX_TURNS = 10;

/** `changing`: replaced each time before it was read. `gone`: deleted meanwhile. */
type Checked = Finding | { readonly state: "changing" | "gone" };

export interface VerifyOptions {
  /** Absent: all. */
  readonly bucket?: string;
  readonly json: boolean;
}

/** @returns the exit code: 1 for damage */
export async function verify(
  context: CommandContext,
  store: StoreReader,
  service: ObjectService,
  options: VerifyOptions,
  signal: AbortSignal,
): Promise<number> {
  const verification = new Verification(context, store, service, options);
  const progress = {
    label: "verifying",
    line: (done: number) => `Verified ${String(done).padStart(6)} objects ...`,
    done: () => verification.done,
    total: () => undefined,
  };
  try {
    await withProgress(context.output, systemTicker, progress, async () => {
      await verification.index(signal);
      await verification.run(signal);
    });
  } catch (error) {
    verification.print(false);
    if (signal.reason instanceof Interrupted) throw signal.reason;
    throw error instanceof StoreFolderError ? new CommandError(error.message, { cause: error }) : error;
  }
  verification.print(true);
  return verification.isSound ? EXIT.done : EXIT.failed;
}

class Verification {
  readonly #context: CommandContext;
  readonly #store: StoreReader;
  readonly #service: ObjectService;
  readonly #options: VerifyOptions;
  readonly #started = performance.now();
  #sound = 0;
  #locked = 0;
  #bytes = 0;
  #damaged = 0;
  #unopened = 0;
  #changing = 0;

  constructor(context: CommandContext, store: StoreReader, service: ObjectService, options: VerifyOptions) {
    this.#context = context;
    this.#store = store;
    this.#service = service;
    this.#options = options;
  }

  get done(): number {
    return this.#sound + this.#locked + this.#damaged + this.#unopened;
  }

  get isSound(): boolean {
    return this.#damaged + this.#unopened === 0;
  }

  /** The index against the files: what it lacks, the objects below cannot show. */
  async index(signal: AbortSignal): Promise<void> {
    const { output } = this.#context;
    for await (const finding of this.#store.verify()) {
      signal.throwIfAborted();
      this.#damaged++;
      const { kind, table, name, path } = finding;
      const what = path ?? `${table ?? ""} ${name ?? ""}`.trim();
      const line = this.#options.json ? JSON.stringify(finding) : `${printable(what)}  ${kind}`;
      output.data(`${line}\n`);
    }
  }

  async run(signal: AbortSignal): Promise<void> {
    const check = async (path: ObjectPath): Promise<readonly [ObjectPath, Checked]> => [
      path,
      await this.#check(path, signal),
    ];
    for await (const [path, finding] of mapOrdered(this.#objects(), AT_ONCE, check))
      this.#count(path, finding);
  }

  /** What fails counts only when the object is the same afterwards: a server may be changing it. */
  async #check(path: ObjectPath, signal: AbortSignal): Promise<Checked> {
    for (let turn = 0; turn < MAX_TURNS; turn++) {
      const version = await this.#store.version(path.bucket, path.object);
      if (version === undefined) return { state: "gone" };
      const finding = await checkObject(this.#service, path, signal);
      if (finding.state !== "damaged") return finding;
      if ((await this.#store.version(path.bucket, path.object)) === version) return finding;
    }
    return { state: "changing" };
  }

  async *#objects(): AsyncGenerator<ObjectPath> {
    const { bucket } = this.#options;
    if (bucket !== undefined && this.#store.bucket(bucket) === undefined)
      throw new CommandError(`there is no bucket '${bucket}'`);
    const names = bucket === undefined ? this.#store.buckets().map(({ name }) => name) : [bucket];
    for (const name of names) {
      try {
        for (const { key } of walkObjects(this.#store, name, {})) yield { bucket: name, object: key };
      } catch (error) {
        // Deleted meanwhile.
        if (!isS3Error(error, "BUCKET_NOT_FOUND")) throw error;
      }
    }
  }

  #count({ bucket, object }: ObjectPath, finding: Checked): void {
    if (finding.state === "sound") {
      this.#sound++;
      this.#bytes += finding.bytes;
    } else if (finding.state === "locked") this.#locked++;
    else if (finding.state === "unopened") {
      this.#unopened++;
      this.#report(bucket, object, "cannot be opened", { reason: causes(finding.error) });
    } else if (finding.state === "changing") this.#changing++;
    else if (finding.state === "damaged") {
      this.#damaged++;
      const { offset } = finding;
      this.#report(bucket, object, `damaged from byte ${offset}`, { offset, reason: causes(finding.error) });
    }
  }

  /** One line for each, as it is found: whoever waits for a large store sees it at once. */
  #report(
    bucket: string,
    key: string,
    what: string,
    facts: { readonly offset?: number; readonly reason: string },
  ): void {
    const { output } = this.#context;
    if (this.#options.json) output.data(`${JSON.stringify({ bucket, key, ...facts })}\n`);
    else output.data(`${printable(`${bucket}/${key}`)}  ${what}: ${facts.reason}\n`);
  }

  print(isComplete: boolean): void {
    const { output } = this.#context;
    const seconds = (performance.now() - this.#started) / 1000;
    if (this.#options.json) {
      const counts = { sound: this.#sound, locked: this.#locked, unopened: this.#unopened };
      const changing = this.#changing === 0 ? {} : { changing: this.#changing };
      const report = {
        isComplete,
        ...counts,
        ...changing,
        damaged: this.#damaged,
        bytes: this.#bytes,
        seconds,
      };
      output.data(`${JSON.stringify(report)}\n`);
      return;
    }
    const parts = [`${this.#sound} objects sound (${bytesText(this.#bytes)})`];
    if (this.#locked > 0) parts.push(`${this.#locked} under keys of clients, which cannot be opened`);
    if (this.#unopened > 0) parts.push(`${this.#unopened} whose keys cannot be had`);
    if (this.#changing > 0) parts.push(`${this.#changing} replaced faster than they can be read`);
    parts.push(`${this.#damaged} damaged`);
    const state = isComplete ? "" : "interrupted: ";
    output.data(`${state}${parts.join(", ")}, in ${seconds.toFixed(1)} s\n`);
  }
}
