import type { Dek } from "../../keys/service.js";
import { type AnswerPage, ascii } from "../answer-page.js";
import { answerAll, type BulkBody, bulkBody, itemFailure, partialParameter } from "../bulk.js";
import { route } from "../route.js";
import { base64, keyOf, MAX_BODY_BYTES, MAX_BULK_ITEMS, reply } from "./shared.js";

const fields = { context: "context" } as const;

/** `PUT /v1/key/bulk/generate/<name>`: one fresh DEK for each context given. */
export const bulkGenerateKey = route<BulkBody<typeof fields>>({
  method: "PUT",
  path: "/v1/key/bulk/generate/",
  argument: "key-name",
  recordFirst: true,
  maxBodyBytes: MAX_BODY_BYTES,
  body: bulkBody(fields, MAX_BULK_ITEMS),
  guardedBy: { path: "/v1/key/generate/", mode: "both" },
  doc: {
    summary: "Generate many data keys",
    description:
      `At most ${MAX_BULK_ITEMS} contexts. The policy must allow this path and that of generate. The first item that ` +
      "is malformed ends the call, unless `partial` says otherwise.",
    query: [partialParameter],
    reply: {
      type: "array",
      items: { anyOf: [reply({ plaintext: base64, ciphertext: base64 }), itemFailure] },
    },
    errors: [
      "BODY_INVALID",
      "TOO_MANY_CIPHERTEXTS",
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
      work: ({ context }) => keys.generate(name, context, call),
      write: writeDek,
    });
  },
});

const BEGIN = ascii('{"plaintext":"');
const BETWEEN = ascii('","ciphertext":"');
const END = ascii('"}');

function writeDek({ plaintext, ciphertext }: Dek, answer: AnswerPage): void {
  answer.ascii(BEGIN);
  answer.base64(plaintext);
  answer.ascii(BETWEEN);
  answer.base64(ciphertext);
  answer.ascii(END);
}
