/** Encrypted private keys as `kes identity new --encrypt` writes them (KES reference §14.4). */
import { createCipheriv, createHash, type KeyObject } from "node:crypto";
import { toPem } from "./pem.js";

const CIPHER = "aes-256-cbc";
const IV_BYTES = 16;
const SALT_BYTES = 8;
const KEY_BYTES = 32;

/**
 * PKCS#8 as PEM block `PRIVATE KEY`, encrypted by RFC 1423 with AES-256-CBC: what KES, Go and OpenSSL read.
 *
 * The cipher's key is OpenSSL's EVP_BytesToKey: MD5 of password and salt in one round, so the form stretches no
 * password and proves nothing about the bytes; it protects as much as the password is random.
 *
 * @param random - gives that many random bytes
 */
export function encryptedKeyPem(
  key: KeyObject,
  password: string,
  random: (size: number) => Uint8Array,
): string {
  const iv = random(IV_BYTES);
  const cipher = createCipheriv(CIPHER, bytesToKey(password, iv.subarray(0, SALT_BYTES)), iv);
  const plain = key.export({ type: "pkcs8", format: "der" });
  const pem = toPem("PRIVATE KEY", Buffer.concat([cipher.update(plain), cipher.final()]));
  plain.fill(0);
  const hex = Buffer.from(iv).toString("hex").toUpperCase();
  const headers = `Proc-Type: 4,ENCRYPTED\nDEK-Info: ${CIPHER.toUpperCase()},${hex}\n\n`;
  const bodyStart = pem.indexOf("\n") + 1;
  return pem.slice(0, bodyStart) + headers + pem.slice(bodyStart);
}

function bytesToKey(password: string, salt: Uint8Array): Buffer {
  let key = Buffer.alloc(0);
  let last = Buffer.alloc(0);
  while (key.length < KEY_BYTES) {
    last = createHash("md5").update(last).update(password, "utf8").update(salt).digest();
    key = Buffer.concat([key, last]);
  }
  return key.subarray(0, KEY_BYTES);
}
