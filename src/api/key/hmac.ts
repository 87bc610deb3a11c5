import { route } from "../route.js";
import { object } from "../wire.js";
import { base64, keyOf, MAX_BODY_BYTES, reply } from "./shared.js";

/** `PUT /v1/key/hmac/<name>`: HMAC-SHA-256 of a message under the HMAC key that belongs to the named key. */
export const hmacKey = route<{ message: Buffer }>({
  method: "PUT",
  path: "/v1/key/hmac/",
  argument: "key-name",
  recordFirst: true,
  maxBodyBytes: MAX_BODY_BYTES,
  body: object({ message: "bytes" }),
  doc: {
    summary: "Compute an HMAC",
    reply: reply({ hmac: base64 }),
    errors: [
      "BODY_INVALID",
      "HMAC_UNSUPPORTED",
      "KEY_NOT_FOUND",
      "KEY_READ_FAILED",
      "KEYSTORE_TIMEOUT",
      "KEYSTORE_BUSY",
    ],
  },

  handle(call, { keys }) {
    const mac = keys.hmac(keyOf(call.argument), call.body.message, call);
    return mac instanceof Promise ? mac.then(wire) : wire(mac);
  },
});

function wire(mac: Buffer): { hmac: string } {
  return { hmac: mac.toString("base64") };
}
