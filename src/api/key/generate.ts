import type { Dek } from "../../keys/service.js";
import { route } from "../route.js";
import { object } from "../wire.js";
import { base64, keyOf, MAX_BODY_BYTES, reply } from "./shared.js";

/** `PUT /v1/key/generate/<name>`: a fresh DEK, in plaintext and sealed under the named key. */
export const generateKey = route<{ context: Buffer }>({
  method: "PUT",
  path: "/v1/key/generate/",
  argument: "key-name",
  recordFirst: true,
  maxBodyBytes: MAX_BODY_BYTES,
  // A request that declares no body has an empty context. One whose body of unknown length turns out empty is
  // refused: a client that lost its body on a retry would get a DEK bound to no context and lose its data.
  body: object({ context: "context" }, { optional: true }),
  doc: {
    summary: "Generate a data key",
    reply: reply({ plaintext: base64, ciphertext: base64 }),
    errors: ["BODY_INVALID", "KEY_NOT_FOUND", "KEY_READ_FAILED", "KEYSTORE_TIMEOUT", "KEYSTORE_BUSY"],
  },

  handle(call, { keys }) {
    const dek = keys.generate(keyOf(call.argument), call.body.context, call);
    return dek instanceof Promise ? dek.then(answer) : answer(dek);
  },
});

function answer(dek: Dek): string {
  return `${dekJson(dek)}\n`;
}

/** JSON of a data key. Base64 holds nothing that JSON escapes. */
function dekJson({ plaintext, ciphertext }: Dek): string {
  return `{"plaintext":"${plaintext.toString("base64")}","ciphertext":"${ciphertext.toString("base64")}"}`;
}
