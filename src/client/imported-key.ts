/** Proof that a server's key has the bytes that were imported. */
import { timingSafeEqual } from "node:crypto";
import { isKesError, KesError } from "../errors.js";
import { base64 } from "./base64.js";
import { type Caller, pathTo } from "./caller.js";
import { Members } from "./members.js";
import { dekOf, hmacOf } from "./replies.js";
import type { CallOptions, ImportedKey } from "./types.js";

/**
 * True when the server's key has the bytes of `imported`: a data key that it seals opens under them. The HMAC key, if
 * one was given, must give the same HMAC.
 * @throws KesError when the server does not tell, for lack of permission for example
 */
export async function holdsKey(
  caller: Caller,
  name: string,
  imported: ImportedKey,
  options: CallOptions,
): Promise<boolean> {
  // Loaded here: no other call of a client needs ciphers.
  const { KeyVersion } = await import("../crypto/key-version.js");
  const path = pathTo("/v1/key/generate/", name, "KEY_NAME_INVALID");
  const dek = dekOf(Members.of(await caller.send({ method: "POST", path, body: {} }, options)));
  const keyVersion = KeyVersion.create({
    algorithm: imported.algorithm ?? "AES256",
    keyBytes: imported.key,
    createdBy: "",
    nowMs: 0,
    random: (size) => Buffer.alloc(size),
  });
  try {
    const opened = keyVersion.open(dek.ciphertext, Buffer.alloc(0));
    const isSame = opened.length === dek.plaintext.length && timingSafeEqual(opened, dek.plaintext);
    opened.fill(0);
    if (!isSame) return false;
  } catch (error) {
    if (isKesError(error, "DECRYPT_FAILED")) return false;
    throw error;
  } finally {
    dek.plaintext.fill(0);
    keyVersion.destroy();
  }
  return imported.hmacKey === undefined || hasHmacKey(caller, name, imported.hmacKey, options);
}

/**
 * Makes sure that an import has stored the HMAC key as well: original servers take it and draw one of their own, which
 * would change what a MinIO derives its root credentials from. A caller that may not ask for an HMAC is not told.
 * @param rest - options for a further request; throws when no time is left
 * @throws KesError `ANSWER_UNEXPECTED` when the key that was stored has another HMAC key or none
 */
export async function checkHmacKey(
  caller: Caller,
  name: string,
  hmacKey: Uint8Array,
  rest: () => CallOptions,
): Promise<void> {
  try {
    if (await hasHmacKey(caller, name, hmacKey, rest())) return;
  } catch (error) {
    // Anything else says nothing about the import, which is done.
    if (isKesError(error) && !isKesError(error, "PATH_NOT_FOUND", "NOT_IMPLEMENTED", "HMAC_UNSUPPORTED"))
      return;
    if (!isKesError(error)) throw error;
  }
  throw new KesError("ANSWER_UNEXPECTED", ["the server stored the key, but not its HMAC key"], {
    status: 200,
  });
}

async function hasHmacKey(
  caller: Caller,
  name: string,
  hmacKey: Uint8Array,
  options: CallOptions,
): Promise<boolean> {
  const { hmacSha256 } = await import("../crypto/hmac.js");
  const path = pathTo("/v1/key/hmac/", name, "KEY_NAME_INVALID");
  const message = Buffer.from("keswick: is this the imported HMAC key?");
  const reply = await caller.send({ method: "PUT", path, body: { message: base64(message) } }, options);
  return timingSafeEqual(hmacOf(reply), hmacSha256(hmacKey, message));
}
