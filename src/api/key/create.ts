import { route } from "../route.js";
import { keyOf } from "./shared.js";

/** `PUT /v1/key/create/<name>`: a new random key. It is readable from the keystore when this is answered. */
export const createKey = route({
  method: "PUT",
  path: "/v1/key/create/",
  argument: "key-name",
  auditMessage: "secret key '%s' created",
  doc: {
    summary: "Create a key",
    description: "Draws a random key, stores it and reads it back before answering.",
    errors: ["KEY_EXISTS", "KEY_CREATE_FAILED", "KEY_CREATE_UNCERTAIN"],
  },

  async handle(call, { keys }) {
    await keys.create(keyOf(call.argument), { createdBy: call.caller.identity ?? "" }, call);
    return undefined;
  },
});
