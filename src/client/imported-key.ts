/** Proof that a server's key has the bytes that were imported, when the answer to the import was lost. */
import { timingSafeEqual } from "node:crypto";
import { isKesError } from "../errors.js";
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
  const [{ KeyVersion }, { hmacSha256 }] = await Promise.all([
    import("../crypto/key-version.js"),
    import("../crypto/hmac.js"),
  ]);
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
  if (imported.hmacKey === undefined) return true;
  const hmacPath = pathTo("/v1/key/hmac/", name, "KEY_NAME_INVALID");
  const message = Buffer.from("keswick: is this the imported HMAC key?");
  const reply = await caller.send(
    { method: "PUT", path: hmacPath, body: { message: base64(message) } },
    options,
  );
  return timingSafeEqual(hmacOf(reply), hmacSha256(imported.hmacKey, message));
}
