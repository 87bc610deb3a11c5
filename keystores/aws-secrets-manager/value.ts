/**
 * A value in a secret. KES's values are text and stand in `SecretString`, as KES writes them; any other bytes stand
 * in `SecretBinary`, which KES reads as well. Both hold 64 KiB.
 */
import { unusable } from "../../src/keystore/faults.js";

export type StoredValue = { readonly SecretString: string } | { readonly SecretBinary: Uint8Array };

/** Characters that JSON carries as they are or by an escape that every library knows. */
const TEXT = /^[\t\n\r\x20-\x7e]+$/;

/** Holds no reference to `value`. */
export function storedOf(value: Uint8Array): StoredValue {
  const text = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("latin1");
  return TEXT.test(text) ? { SecretString: text } : { SecretBinary: new Uint8Array(value) };
}

/** @throws KesError when the secret is empty */
export function bytesOf(
  name: string,
  secret: { readonly SecretString?: string | undefined; readonly SecretBinary?: Uint8Array | undefined },
): Uint8Array {
  const { SecretString, SecretBinary } = secret;
  const value = SecretString ? Buffer.from(SecretString, "utf8") : SecretBinary;
  if (value === undefined || value.length === 0) throw unusable(`aws: the secret '${name}' is empty`);
  return value;
}
