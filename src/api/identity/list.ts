import { patternPrefix } from "../../names.js";
import { reply } from "../key/shared.js";
import { route } from "../route.js";

/** `GET /v1/identity/list/<pattern>`: identities by prefix, the admin among them. */
export const listIdentities = route({
  method: "GET",
  path: "/v1/identity/list/",
  argument: "pattern",
  doc: {
    summary: "List identities",
    reply: reply({ identities: { type: "array", items: { type: "string" } }, continue_at: { const: "" } }),
  },

  handle(call, { directory }) {
    return {
      identities: directory.identities(patternPrefix(call.argument) ?? call.argument),
      continue_at: "",
    };
  },
});
