/** `kes-s3 verify`: every object of a folder from its first byte to its last. */
import { causes } from "../../../audit/error-log.js";
import type { ObjectService } from "../../../storage/objects/object-service.js";
import type { ObjectPath } from "../../../storage/sse/seal.js";
import { type CommandContext, EXIT } from "../../command.js";
import { Interrupted } from "../../interrupt.js";
import { mapOrdered } from "../../keystore/pipeline.js";
import { withProgress } from "../../keystore/progress.js";
import { printableLines } from "../../terminal/text.js";
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
    await withProgress(context.output, systemTicker, progress, () => verification.run(signal));
  } catch (error) {
    verification.print(false);
    throw signal.reason instanceof Interrupted ? signal.reason : error;
  }
  verification.print(true);
  return verification.damaged === 0 ? EXIT.done : EXIT.failed;
}

class Verification {
  readonly #context: CommandContext;
  readonly #service: ObjectService;
  readonly #options: VerifyOptions;
  readonly #started = performance.now();
  #sound = 0;
  #locked = 0;
  #bytes = 0;
  damaged = 0;

  constructor(context: CommandContext, service: ObjectService, options: VerifyOptions) {
    this.#context = context;
    this.#service = service;
    this.#options = options;
  }

  get done(): number {
    return this.#sound + this.#locked + this.damaged;
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
    else {
      this.damaged++;
      this.#report(bucket, object, finding.offset, causes(finding.error));
    }
  }

  /** One line for each, as it is found: whoever waits for a large store sees it at once. */
  #report(bucket: string, key: string, offset: number, reason: string): void {
    const { output } = this.#context;
    if (this.#options.json) output.data(`${JSON.stringify({ bucket, key, offset, reason })}\n`);
    else output.data(`${printableLines(`${bucket}/${key}`)}  damaged from byte ${offset}: ${reason}\n`);
  }

  print(isComplete: boolean): void {
    const { output } = this.#context;
    const seconds = (performance.now() - this.#started) / 1000;
    if (this.#options.json) {
      const [sound, locked, damaged, bytes] = [this.#sound, this.#locked, this.damaged, this.#bytes];
      output.data(`${JSON.stringify({ isComplete, sound, locked, damaged, bytes, seconds })}\n`);
      return;
    }
    const parts = [`${this.#sound} objects sound (${bytesText(this.#bytes)})`];
    if (this.#locked > 0) parts.push(`${this.#locked} under keys of clients, which cannot be opened`);
    parts.push(`${this.damaged} damaged`);
    const state = isComplete ? "" : "interrupted: ";
    output.data(`${state}${parts.join(", ")}, in ${seconds.toFixed(1)} s\n`);
  }
}
