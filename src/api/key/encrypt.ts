import { route } from "../route.js";
import { object } from "../wire.js";
import { base64, keyOf, MAX_BODY_BYTES, reply } from "./shared.js";

/** `PUT /v1/key/encrypt/<name>`: a small message sealed under the named key. */
export const encryptKey = route<{ plaintext: Buffer; context: Buffer }>({
  method: "PUT",
  path: "/v1/key/encrypt/",
  argument: "key-name",
  recordFirst: true,
  maxBodyBytes: MAX_BODY_BYTES,
  body: object({ plaintext: "bytes", context: "context" }),
  doc: {
    summary: "Encrypt a message",
    reply: reply({ ciphertext: base64 }),
    errors: ["BODY_INVALID", "KEY_NOT_FOUND", "KEY_READ_FAILED", "KEYSTORE_TIMEOUT", "KEYSTORE_BUSY"],
  },

  handle(call, { keys }) {
    const sealed = keys.encrypt(keyOf(call.argument), call.body.plaintext, call.body.context, call);
    return sealed instanceof Promise ? sealed.then(wire) : wire(sealed);
  },
});

function wire(ciphertext: Buffer): { ciphertext: string } {
  return { ciphertext: ciphertext.toString("base64") };
}
