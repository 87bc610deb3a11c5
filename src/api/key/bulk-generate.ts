import { route } from "../route.js";
import { array } from "../wire.js";
import { wire } from "./generate.js";
import { base64, keyOf, MAX_BODY_BYTES, MAX_BULK_ITEMS, reply } from "./shared.js";

/** `PUT /v1/key/bulk/generate/<name>`: one fresh DEK for each context given. */
export const bulkGenerateKey = route<{ context: Buffer }[]>({
  method: "PUT",
  path: "/v1/key/bulk/generate/",
  argument: "key-name",
  recordFirst: true,
  maxBodyBytes: MAX_BODY_BYTES,
  body: array({ context: "bytes" }, MAX_BULK_ITEMS),
  guardedBy: { path: "/v1/key/generate/", mode: "both" },
  doc: {
    summary: "Generate many data keys",
    description: `At most ${MAX_BULK_ITEMS} contexts. The policy must allow this path and that of generate.`,
    reply: { type: "array", items: reply({ plaintext: base64, ciphertext: base64 }) },
    errors: [
      "BODY_INVALID",
      "TOO_MANY_CIPHERTEXTS",
      "KEY_NOT_FOUND",
      "KEY_READ_FAILED",
      "KEYSTORE_TIMEOUT",
      "KEYSTORE_BUSY",
    ],
  },

  async handle(call, { keys }) {
    const contexts = call.body.map((item) => item.context);
    return (await keys.bulkGenerate(keyOf(call.argument), contexts, call)).map(wire);
  },
});
