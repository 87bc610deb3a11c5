/** Opening one stream of content, in whichever version of the format it was written. */
import { DareOpener, type DareOpenerOptions } from "../../crypto/dare-opener.js";
import { DARE_V1, DareV1Opener } from "../../crypto/dare-v1.js";

/** Where reading begins, and whether it may end before the stream does. */
export type ContentOpenerOptions = DareOpenerOptions;

/**
 * A `DareOpener` or `DareV1Opener`, as the first byte says. That byte is authenticated with the package, so that
 * nobody turns one version into the other; what version 1.0 does not tell, its end, the reader checks by its size.
 */
export class ContentOpener {
  readonly #key: Buffer;
  readonly #options: ContentOpenerOptions;
  #opener: DareOpener | DareV1Opener | undefined;

  /** @param key - 32 bytes, copied */
  constructor(key: Uint8Array, options: ContentOpenerOptions) {
    this.#key = Buffer.from(key);
    this.#options = options;
  }

  /** As `DareOpener.update`. */
  update(sealed: Buffer): Buffer {
    if (sealed.length === 0) return sealed;
    this.#opener ??= this.#choose(sealed);
    return this.#opener.update(sealed);
  }

  /** As `DareOpener.final`. */
  final(): Buffer {
    return this.#opener?.final() ?? Buffer.alloc(0);
  }

  #choose(sealed: Buffer): DareOpener | DareV1Opener {
    try {
      return sealed[0] === DARE_V1
        ? new DareV1Opener(this.#key, this.#options.sequence)
        : new DareOpener(this.#key, this.#options);
    } finally {
      this.#key.fill(0);
    }
  }
}
