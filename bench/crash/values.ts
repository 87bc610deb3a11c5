/** Values that prove themselves: whose they are, which generation, and that no byte is missing. */
import { createHash, randomBytes } from "node:crypto";

const SUM_BYTES = 32;

/** A value for `name` in `generation`: a label, 1 to 2,000 random bytes, and the SHA-256 of both. */
export function makeValue(name: string, generation: number): Buffer {
  const head = Buffer.from(`${name} ${generation}\n`);
  const body = randomBytes(1 + (randomBytes(2).readUInt16BE() % 2_000));
  const sum = createHash("sha256").update(head).update(body).digest();
  return Buffer.concat([head, body, sum]);
}

/** True when `value` is whole and was made for `name`. */
export function isWhole(name: string, value: Uint8Array): boolean {
  if (value.length <= SUM_BYTES) return false;
  const content = value.subarray(0, value.length - SUM_BYTES);
  const sum = createHash("sha256").update(content).digest();
  return sum.equals(value.subarray(content.length)) && Buffer.from(content).toString().startsWith(`${name} `);
}

/** What stands for a value in the report of a child: its SHA-256 in hex. */
export function fingerprint(value: Uint8Array): string {
  return createHash("sha256").update(value).digest("hex");
}

/** What children bind their ciphertexts to. */
export const CONTEXT = Buffer.from("crash");

/** What children seal under a key. */
export function sealedText(name: string): Buffer {
  return Buffer.from(`sealed under ${name}`);
}

/** The 32 bytes that children import under `name`. */
export function importedKey(name: string): Buffer {
  return createHash("sha256").update(`key bytes of ${name}`).digest();
}
