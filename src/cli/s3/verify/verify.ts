/** `kes-s3 verify`: every object of a folder from its first byte to its last. */
import { causes } from "../../../audit/error-log.js";
import type { ObjectService } from "../../../storage/objects/object-service.js";
import type { ObjectPath } from "../../../storage/sse/seal.js";
import type { DirectoryStore } from "../../../storage/store/directory-store.js";
import { type CommandContext, EXIT } from "../../command.js";
import { Interrupted } from "../../interrupt.js";
import { mapOrdered } from "../../keystore/pipeline.js";
import { withProgress } from "../../keystore/progress.js";
import { printable } from "../../terminal/text.js";
import { systemTicker } from "../../terminal/ticker.js";
import { bytesText } from "../../terminal/units.js";
import { checkObject, type Finding } from "./check-object.js";

const PAGE = 1000;
/** Reading and decrypting keep a disk and a core busy with few. */
const AT_ONCE = 4;

export interface VerifyOptions {
  /** Absent: all. */
  readonly bucket?: string;
  readonly json: boolean;
}

/** @returns the exit code: 1 for damage */
export async function verify(
  context: CommandContext,
  store: Pick<DirectoryStore, "verify">,
  service: ObjectService,
  options: VerifyOptions,
  signal: AbortSignal,
): Promise<number> {
  const verification = new Verification(context, service, options);
  const progress = {
    label: "verifying",
    line: (done: number) => `Verified ${String(done).padStart(6)} objects ...`,
    done: () => verification.done,
    total: () => undefined,
  };
  try {
    await withProgress(context.output, systemTicker, progress, async () => {
      await verification.index(store, signal);
      await verification.run(signal);
    });
  } catch (error) {
    verification.print(false);
    throw signal.reason instanceof Interrupted ? signal.reason : error;
  }
  verification.print(true);
  return verification.isSound ? EXIT.done : EXIT.failed;
}

class Verification {
  readonly #context: CommandContext;
  readonly #service: ObjectService;
  readonly #options: VerifyOptions;
  readonly #started = performance.now();
  #sound = 0;
  #locked = 0;
  #bytes = 0;
  #damaged = 0;
  #unopened = 0;

  constructor(context: CommandContext, service: ObjectService, options: VerifyOptions) {
    this.#context = context;
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
  async index(store: Pick<DirectoryStore, "verify">, signal: AbortSignal): Promise<void> {
    const { output } = this.#context;
    for await (const finding of store.verify()) {
      signal.throwIfAborted();
      this.#damaged++;
      const { kind, table, name, path } = finding;
      const what = path ?? `${table ?? ""} ${name ?? ""}`.trim();
      const line = this.#options.json ? JSON.stringify(finding) : `${printable(what)}  ${kind}`;
      output.data(`${line}\n`);
    }
  }

  async run(signal: AbortSignal): Promise<void> {
    const check = async (path: ObjectPath): Promise<readonly [ObjectPath, Finding]> => [
      path,
      await checkObject(this.#service, path, signal),
    ];
    for await (const [path, finding] of mapOrdered(this.#objects(), AT_ONCE, check))
      this.#count(path, finding);
  }

  async *#objects(): AsyncGenerator<ObjectPath> {
    const { bucket } = this.#options;
    const names =
      bucket === undefined
        ? (await this.#service.buckets()).map(({ name }) => name)
        : [(await this.#service.bucket(bucket)).name];
    for (const name of names) {
      let next: string | undefined = "";
      while (next !== undefined) {
        const request = { prefix: "", delimiter: "", after: next, maxKeys: PAGE };
        const page: Awaited<ReturnType<ObjectService["list"]>> = await this.#service.list(name, request);
        for (const { key } of page.contents) yield { bucket: name, object: key };
        next = page.next;
      }
    }
  }

  #count({ bucket, object }: ObjectPath, finding: Finding): void {
    if (finding.state === "sound") {
      this.#sound++;
      this.#bytes += finding.bytes;
    } else if (finding.state === "locked") this.#locked++;
    else if (finding.state === "unopened") {
      this.#unopened++;
      this.#report(bucket, object, "cannot be opened", { reason: causes(finding.error) });
    } else {
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
      const report = { isComplete, ...counts, damaged: this.#damaged, bytes: this.#bytes, seconds };
      output.data(`${JSON.stringify(report)}\n`);
      return;
    }
    const parts = [`${this.#sound} objects sound (${bytesText(this.#bytes)})`];
    if (this.#locked > 0) parts.push(`${this.#locked} under keys of clients, which cannot be opened`);
    if (this.#unopened > 0) parts.push(`${this.#unopened} whose keys cannot be had`);
    parts.push(`${this.#damaged} damaged`);
    const state = isComplete ? "" : "interrupted: ";
    output.data(`${state}${parts.join(", ")}, in ${seconds.toFixed(1)} s\n`);
  }
}
