import { route } from "../route.js";
import { object } from "../wire.js";
import { base64, keyOf, MAX_BODY_BYTES, reply } from "./shared.js";

/** `PUT /v1/key/decrypt/<name>`: opens what encrypt or generate sealed, given the same context. */
export const decryptKey = route<{ ciphertext: Buffer; context: Buffer }>({
  method: "PUT",
  path: "/v1/key/decrypt/",
  argument: "key-name",
  recordFirst: true,
  maxBodyBytes: MAX_BODY_BYTES,
  body: object({ ciphertext: "ciphertext", context: "context" }),
  doc: {
    summary: "Decrypt a ciphertext",
    reply: reply({ plaintext: base64 }),
    errors: [
      "BODY_INVALID",
      "DECRYPT_FAILED",
      "KEY_NOT_FOUND",
      "KEY_READ_FAILED",
      "KEYSTORE_TIMEOUT",
      "KEYSTORE_BUSY",
    ],
  },

  handle(call, { keys }) {
    const opened = keys.decrypt(keyOf(call.argument), call.body.ciphertext, call.body.context, call);
    return opened instanceof Promise ? opened.then(answer) : answer(opened);
  },
});

function answer(plaintext: Buffer): string {
  return `${plaintextJson(plaintext)}\n`;
}

/** JSON of a plaintext. Base64 holds nothing that JSON escapes. */
function plaintextJson(plaintext: Buffer): string {
  return `{"plaintext":"${plaintext.toString("base64")}"}`;
}
