/** Writing a bundle: encrypted, in the order of the names, published when it is whole. */
import { DareSealer } from "../../../crypto/dare-sealer.js";
import type { RandomSource } from "../../../crypto/random.js";
import type { KeyName } from "../../../names.js";
import type { Sink } from "../../file/sink.js";
import { sealCanary } from "../canary.js";
import type { SealedBundleHeader } from "./header.js";
import { type BundleAbout, type BundleRecord, encodeRecord } from "./records.js";

export interface BundleOptions {
  readonly sink: Sink;
  readonly header: SealedBundleHeader;
  readonly about: BundleAbout;
  readonly random: RandomSource;
}

/** A bundle under way. Nothing appears under its name before {@link finish}. */
export class BundleWriter {
  readonly #sink: Sink;
  readonly #sealer: DareSealer;
  readonly #random: RandomSource;
  #last: KeyName | undefined;
  #count = 0;

  private constructor({ sink, header, random }: BundleOptions) {
    this.#sink = sink;
    this.#random = random;
    this.#sealer = new DareSealer(header.contentKey, random);
    header.contentKey.fill(0);
  }

  static async begin(options: BundleOptions): Promise<BundleWriter> {
    const writer = new BundleWriter(options);
    await options.sink.write(options.header.bytes);
    await writer.#write({ kind: "about", about: options.about });
    return writer;
  }

  get count(): number {
    return this.#count;
  }

  /** Adds a key. Names must come in byte order. @param value - copied */
  async add(name: KeyName, value: Uint8Array): Promise<void> {
    if (this.#last !== undefined && name <= this.#last) throw new RangeError("names must come in byte order");
    const canary = sealCanary(name, value, this.#random);
    await this.#write({ kind: "key", name, value: Buffer.from(value), canary });
    this.#last = name;
    this.#count++;
  }

  /** Ends the bundle and gives it its name. */
  async finish(signal: AbortSignal): Promise<void> {
    await this.#write({ kind: "end", count: this.#count });
    await this.#sink.write(this.#sealer.final());
    await this.#sink.publish(signal);
  }

  async #write(record: BundleRecord): Promise<void> {
    const bytes = encodeRecord(record);
    if (record.kind === "key") record.value.fill(0);
    const sealed = this.#sealer.update(bytes);
    bytes.fill(0);
    if (sealed.length > 0) await this.#sink.write(sealed);
  }
}
