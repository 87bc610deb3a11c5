import { route } from "../route.js";
import { keyOf } from "./shared.js";

/** `DELETE /v1/key/delete/<name>`: the key is gone from the keystore and from this server's memory. */
export const deleteKey = route({
  method: "DELETE",
  path: "/v1/key/delete/",
  argument: "key-name",
  auditMessage: "secret key '%s' deleted",
  doc: {
    summary: "Delete a key",
    description: "There is no undo: whatever was sealed under the key is lost.",
    errors: ["KEY_NOT_FOUND", "KEY_DELETE_FAILED", "KEY_DELETE_UNCERTAIN"],
  },

  async handle(call, { keys }) {
    await keys.delete(keyOf(call.argument), call);
    return undefined;
  },
});
