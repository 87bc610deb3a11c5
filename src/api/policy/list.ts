import { patternPrefix } from "../../names.js";
import { reply } from "../key/shared.js";
import { route } from "../route.js";

/** `GET /v1/policy/list/<pattern>`: policy names by prefix. */
export const listPolicies = route({
  method: "GET",
  path: "/v1/policy/list/",
  argument: "pattern",
  doc: {
    summary: "List policies",
    reply: reply({ names: { type: "array", items: { type: "string" } }, continue_at: { const: "" } }),
  },

  handle(call, { directory }) {
    return { names: directory.policyNames(patternPrefix(call.argument) ?? call.argument), continue_at: "" };
  },
});
