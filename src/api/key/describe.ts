import { route } from "../route.js";
import { keyOf, reply } from "./shared.js";

/** `GET /v1/key/describe/<name>`: what is known of a key, without its bytes. Loads it into the cache. */
export const describeKey = route({
  method: "GET",
  path: "/v1/key/describe/",
  argument: "key-name",
  doc: {
    summary: "Describe a key",
    reply: reply(
      {
        name: { type: "string" },
        algorithm: { enum: ["AES256", "ChaCha20"] },
        created_at: { type: "string", format: "date-time" },
        created_by: { type: "string" },
      },
      ["created_by"],
    ),
    errors: ["KEY_NOT_FOUND", "KEY_READ_FAILED", "KEYSTORE_TIMEOUT", "KEYSTORE_BUSY"],
  },

  async handle(call, { keys }) {
    const info = await keys.describe(keyOf(call.argument), call);
    return {
      name: call.argument,
      algorithm: info.algorithm,
      created_at: info.createdAt,
      ...(info.createdBy === "" ? {} : { created_by: info.createdBy }),
    };
  },
});
