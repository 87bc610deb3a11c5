/** Ciphertext forms that older servers wrote, read for ever, never written (KES reference §9.3, §9.6). */
import { createHash } from "node:crypto";
import { type Algorithm, parseAlgorithm } from "./algorithm.js";
import { decodeBase64 } from "./base64.js";
import { readLegacyArray } from "./legacy-array.js";
import { IV_BYTES, NONCE_BYTES } from "./seal.js";

/** A legacy ciphertext in the form that `open` reads, and the algorithm that it says it was made with. */
export interface LegacyCiphertext {
  readonly algorithm: Algorithm;
  readonly sealed: Buffer;
}

/** First byte of the JSON form: `{`. */
const JSON_START = 0x7b;
/** First byte of the MessagePack form: array of five. */
const ARRAY_START = 0x95;

/** Algorithm names of the JSON form. `AES-256-GCM`, older still, derived its key in another way. */
const jsonAlgorithms: ReadonlyMap<unknown, Algorithm> = new Map<unknown, Algorithm>([
  ["AES-256-GCM-HMAC-SHA-256", "AES256"],
  ["ChaCha20Poly1305", "ChaCha20"],
]);

/**
 * Reads a legacy ciphertext: JSON `{aead, id?, iv, nonce, bytes}` or MessagePack
 * `[algorithm, id, iv, nonce, bytes]`.
 *
 * @returns undefined for anything else, which then is a current ciphertext: one in 128 of those happens to
 *   begin like a legacy one
 */
export function readLegacy(ciphertext: Uint8Array): LegacyCiphertext | undefined {
  const first = ciphertext[0];
  if (first === JSON_START) return readJson(ciphertext);
  if (first === ARRAY_START) return readArray(ciphertext);
  return undefined;
}

function readJson(ciphertext: Uint8Array): LegacyCiphertext | undefined {
  const document = parseObject(ciphertext);
  if (document === undefined) return undefined;
  const algorithm = jsonAlgorithms.get(document.aead);
  const id = document.id ?? "";
  const iv = readBytes(document.iv);
  const nonce = readBytes(document.nonce);
  const sealed = readBytes(document.bytes);
  if (typeof id !== "string" || sealed === undefined) return undefined;
  return convert(algorithm, iv, nonce, sealed);
}

function readArray(ciphertext: Uint8Array): LegacyCiphertext | undefined {
  const fields = readLegacyArray(ciphertext);
  if (fields === undefined) return undefined;
  return convert(parseAlgorithm(fields.algorithm), fields.iv, fields.nonce, fields.sealed);
}

function convert(
  algorithm: Algorithm | undefined,
  iv: Uint8Array | undefined,
  nonce: Uint8Array | undefined,
  sealed: Uint8Array,
): LegacyCiphertext | undefined {
  if (algorithm === undefined || iv?.length !== IV_BYTES || nonce?.length !== NONCE_BYTES) return undefined;
  return { algorithm, sealed: Buffer.concat([sealed, iv, nonce]) };
}

function parseObject(bytes: Uint8Array): Record<string, unknown> | undefined {
  // The last character of JSON that starts with `{` is `}`; this spares parsing most random bytes.
  if (!/^[}\s]$/.test(String.fromCharCode(bytes[bytes.length - 1] ?? 0))) return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString());
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function readBytes(value: unknown): Buffer | undefined {
  return typeof value === "string" ? decodeBase64(value) : undefined;
}

/** What older releases called the id of a key: hex of the first 16 bytes of SHA-256(key), 32 digits. */
export function keyId(kek: Uint8Array): string {
  return createHash("sha256").update(kek).digest("hex").slice(0, 32);
}
