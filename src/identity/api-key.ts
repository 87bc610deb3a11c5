/** API keys: an Ed25519 private key as one line of text (KES reference §7.3). */
import { createPrivateKey, type KeyObject } from "node:crypto";
import { inspect } from "node:util";
import type { Identity } from "../names.js";
import { identityOfKey } from "./certificate.js";

const PREFIX = "kes:v1:";
const TYPE_ED25519 = 0x00;
const SEED_BYTES = 32;
/** PKCS#8 of an Ed25519 key up to its seed (RFC 8410, section 7). */
const PKCS8_HEADER = Buffer.from("302e020100300506032b657004220420", "hex");

/** The text is no API key. The message never quotes it, because it may be a mistyped one. */
export class ApiKeyError extends Error {
  override readonly name = "ApiKeyError";
}

/**
 * The secret of one client. Layout of the text: `kes:v1:` + base64(type (1) || Ed25519 seed (32)).
 * The key never crosses the wire: it becomes a client certificate, whose identity the server sees.
 */
export class ApiKey {
  readonly #seed: Uint8Array;
  readonly #privateKey: KeyObject;
  readonly identity: Identity;

  private constructor(seed: Uint8Array) {
    this.#seed = seed;
    this.#privateKey = createPrivateKey({
      key: Buffer.concat([PKCS8_HEADER, seed]),
      format: "der",
      type: "pkcs8",
    });
    this.identity = identityOfKey(this.#privateKey);
  }

  /**
   * Reads the text form; the prefix may be missing, as KES allows. Line ends are skipped, so that a
   * key read from a file works.
   * @throws ApiKeyError
   */
  static parse(text: string): ApiKey {
    const bare = text.replace(/[\r\n]/g, "");
    const encoded = bare.startsWith(PREFIX) ? bare.slice(PREFIX.length) : bare;
    const bad = encoded.search(/[^A-Za-z0-9+/=]/);
    if (bad >= 0) throw new ApiKeyError(`illegal base64 data at input byte ${bad}`);
    if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(encoded)) {
      throw new ApiKeyError(`illegal base64 data at input byte ${encoded.length}`);
    }
    const bytes = Buffer.from(encoded, "base64");
    if (bytes.length !== 1 + SEED_BYTES) throw new ApiKeyError("kes: invalid API key: invalid length");
    if (bytes[0] !== TYPE_ED25519) throw new ApiKeyError("kes: invalid API key: unsupported type");
    return new ApiKey(Uint8Array.from(bytes.subarray(1)));
  }

  /** A fresh key. @param random - gives that many bytes fit for a key */
  static generate(random: (size: number) => Uint8Array): ApiKey {
    const seed = Uint8Array.from(random(SEED_BYTES));
    if (seed.length !== SEED_BYTES) throw new ApiKeyError("random source gave the wrong number of bytes");
    return new ApiKey(seed);
  }

  /** The API key of an Ed25519 private key. @throws ApiKeyError for a key of another kind */
  static ofPrivateKey(key: KeyObject): ApiKey {
    if (key.type !== "private" || key.asymmetricKeyType !== "ed25519") {
      throw new ApiKeyError("only ed25519 private keys are supported");
    }
    const der = key.export({ type: "pkcs8", format: "der" });
    return new ApiKey(Uint8Array.from(der.subarray(PKCS8_HEADER.length, PKCS8_HEADER.length + SEED_BYTES)));
  }

  get privateKey(): KeyObject {
    return this.#privateKey;
  }

  /** The secret text form, the only way by which it leaves this object. */
  toString(): string {
    return PREFIX + Buffer.concat([Uint8Array.of(TYPE_ED25519), this.#seed]).toString("base64");
  }

  /** Keeps the secret out of logs that serialise what they are given. */
  toJSON(): { identity: Identity } {
    return { identity: this.identity };
  }

  [inspect.custom](): string {
    return `ApiKey(${this.identity})`;
  }
}
