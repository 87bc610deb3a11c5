import { type AnswerPage, ascii } from "../answer-page.js";
import { answerAll, type BulkBody, bulkBody, itemFailure, partialParameter } from "../bulk.js";
import { route } from "../route.js";
import { base64, keyOf, MAX_BODY_BYTES, MAX_BULK_ITEMS, reply } from "./shared.js";

const fields = { ciphertext: "ciphertext", context: "context" } as const;

/** `PUT /v1/key/bulk/decrypt/<name>`: many ciphertexts of one key; the first failure ends the call. */
export const bulkDecryptKey = route<BulkBody<typeof fields>>({
  method: "PUT",
  path: "/v1/key/bulk/decrypt/",
  argument: "key-name",
  recordFirst: true,
  maxBodyBytes: MAX_BODY_BYTES,
  body: bulkBody(fields, MAX_BULK_ITEMS),
  // A policy that denies /v1/key/decrypt/<name> was written before this route was back: it counts here too.
  guardedBy: { path: "/v1/key/decrypt/", mode: "both" },
  doc: {
    summary: "Decrypt many ciphertexts",
    description:
      `At most ${MAX_BULK_ITEMS} items. The policy must allow this path and that of decrypt. The first item that ` +
      "fails ends the call, unless `partial` says otherwise.",
    query: [partialParameter],
    reply: { type: "array", items: { anyOf: [reply({ plaintext: base64 }), itemFailure] } },
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

  handle(call, { keys, turns }) {
    const name = keyOf(call.argument);
    return answerAll(call, {
      body: call.body,
      turns,
      find: () => keys.describe(name, call),
      work: ({ ciphertext, context }) => keys.decrypt(name, ciphertext, context, call),
      write: writePlaintext,
    });
  },
});

const BEGIN = ascii('{"plaintext":"');
const END = ascii('"}');

function writePlaintext(plaintext: Buffer, answer: AnswerPage): void {
  answer.ascii(BEGIN);
  answer.base64(plaintext);
  answer.ascii(END);
}
