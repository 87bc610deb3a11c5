import { route } from "../route.js";
import { array } from "../wire.js";
import { wire } from "./decrypt.js";
import { base64, keyOf, MAX_BODY_BYTES, MAX_BULK_ITEMS, reply } from "./shared.js";

/** `PUT /v1/key/bulk/decrypt/<name>`: many ciphertexts of one key; the first failure ends the call. */
export const bulkDecryptKey = route<{ ciphertext: Buffer; context: Buffer }[]>({
  method: "PUT",
  path: "/v1/key/bulk/decrypt/",
  argument: "key-name",
  recordFirst: true,
  maxBodyBytes: MAX_BODY_BYTES,
  body: array({ ciphertext: "bytes", context: "bytes" }, MAX_BULK_ITEMS),
  // A policy that denies /v1/key/decrypt/<name> was written before this route was back: it counts here too.
  guardedBy: { path: "/v1/key/decrypt/", mode: "both" },
  doc: {
    summary: "Decrypt many ciphertexts",
    description: `At most ${MAX_BULK_ITEMS} items. The policy must allow this path and that of decrypt.`,
    reply: { type: "array", items: reply({ plaintext: base64 }) },
    errors: [
      "BODY_INVALID",
      "TOO_MANY_CIPHERTEXTS",
      "DECRYPT_FAILED",
      "KEY_NOT_FOUND",
      "KEY_READ_FAILED",
      "KEYSTORE_TIMEOUT",
      "KEYSTORE_BUSY",
    ],
  },

  async handle(call, { keys }) {
    return (await keys.bulkDecrypt(keyOf(call.argument), call.body, call)).map(wire);
  },
});
