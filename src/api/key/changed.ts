import { route } from "../route.js";
import { keyOf } from "./shared.js";

/**
 * `PUT /v1/key/changed/<name>`: another node says that it created or deleted the key. What is in memory of it is dropped
 * if the keystore answers, and not otherwise: during an outage it could not be fetched again.
 */
export const keyChanged = route({
  method: "PUT",
  path: "/v1/key/changed/",
  argument: "key-name",
  doc: {
    summary: "Tell of a changed key",
    description:
      "For other nodes on the same keystore (`cluster.peers`). The server asks its keystore, and drops the key from " +
      "memory if that answers. It says nothing of the key.",
    errors: ["KEYSTORE_BUSY"],
  },

  async handle(call, { keys }) {
    await keys.recheck(keyOf(call.argument), call);
    return undefined;
  },
});
