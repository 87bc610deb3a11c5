/** Keys that clients send with a request: SSE-C (S3 reference §1.1, §2). */
import { createHash, timingSafeEqual } from "node:crypto";
import { KEY_BYTES } from "../../crypto/algorithm.js";
import { decodeBase64 } from "../../crypto/base64.js";
import { hmacSha256 } from "../../crypto/hmac.js";
import { KesError } from "../../errors.js";
import { sseError } from "./errors.js";
import { headerOf, type SseHeaders } from "./headers.js";
import { type ObjectPath, sealedPath } from "./seal.js";

/** Of the object that is stored or read, or of the object that is copied. */
export type CustomerKeyRole = "object" | "copy-source";

const PREFIX = "server-side-encryption-customer";
const prefixes: Readonly<Record<CustomerKeyRole, string>> = {
  object: `x-amz-${PREFIX}`,
  "copy-source": `x-amz-copy-source-${PREFIX}`,
};
const MD5_BYTES = 16;

/** 32 bytes of a client; they take the DEK's place. Overwrite it with {@link wipe} when the request is over. */
export class CustomerKey {
  /** Base64 of the MD5 of the key, which is returned to the client. Never stored. */
  readonly md5: string;
  readonly #bytes: Buffer;
  #isWiped = false;

  /** @param bytes - 32, copied */
  constructor(bytes: Uint8Array) {
    if (bytes.length !== KEY_BYTES) throw internal("a client's key has 32 bytes");
    this.#bytes = Buffer.alloc(KEY_BYTES);
    this.#bytes.set(bytes);
    this.md5 = createHash("md5").update(bytes).digest("base64");
  }

  /** Runs `work` with the key's bytes, which it must not keep. */
  use<T>(work: (dek: Uint8Array) => T): T {
    if (this.#isWiped) throw internal("the client's key was wiped");
    return work(this.#bytes);
  }

  equals(other: CustomerKey): boolean {
    return this.use((mine) => other.use((theirs) => timingSafeEqual(mine, theirs)));
  }

  wipe(): void {
    this.#isWiped = true;
    this.#bytes.fill(0);
  }
}

/**
 * The key that a gateway gives to its back end, where that is to encrypt an SSE-C object once more: HMAC-SHA-256(client's
 * key, `SSE-C` || `bucket/object`), so that the back end never has the client's own (S3 reference §10).
 */
export function backEndKey(key: CustomerKey, path: ObjectPath): CustomerKey {
  const bytes = key.use((dek) => hmacSha256(dek, Buffer.from(`SSE-C${sealedPath(path)}`)));
  const derived = new CustomerKey(bytes);
  bytes.fill(0);
  return derived;
}

/** True when any of the three headers is there: the client means SSE-C, rightly or not. */
export function asksForCustomerKey(headers: SseHeaders, role: CustomerKeyRole): boolean {
  const prefix = prefixes[role];
  return ["algorithm", "key", "key-md5"].some((name) => headerOf(headers, `${prefix}-${name}`) !== undefined);
}

/**
 * The client's key, or undefined without any of its headers.
 * @throws S3Error `SSE_C_ALGORITHM_INVALID`, `SSE_C_KEY_MISSING`, `SSE_C_KEY_INVALID`, `SSE_C_MD5_MISSING`,
 *   `SSE_C_MD5_MISMATCH`, in this order
 */
export function readCustomerKey(headers: SseHeaders, role: CustomerKeyRole): CustomerKey | undefined {
  if (!asksForCustomerKey(headers, role)) return undefined;
  const prefix = prefixes[role];
  if (headerOf(headers, `${prefix}-algorithm`) !== "AES256") throw sseError("SSE_C_ALGORITHM_INVALID");
  const keyText = headerOf(headers, `${prefix}-key`);
  if (!keyText) throw sseError("SSE_C_KEY_MISSING");
  const bytes = decodeBase64(keyText);
  if (bytes?.length !== KEY_BYTES) throw sseError("SSE_C_KEY_INVALID");
  const key = new CustomerKey(bytes);
  bytes.fill(0);
  const md5Text = headerOf(headers, `${prefix}-key-md5`);
  if (!md5Text) throw sseError("SSE_C_MD5_MISSING");
  const md5 = decodeBase64(md5Text);
  if (md5?.length !== MD5_BYTES || md5.toString("base64") !== key.md5) throw sseError("SSE_C_MD5_MISMATCH");
  return key;
}

function internal(reason: string): KesError {
  return new KesError("INTERNAL", [], { cause: new Error(reason) });
}
