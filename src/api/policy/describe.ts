import { reply } from "../key/shared.js";
import { route } from "../route.js";
import { created, origin, policyNamed } from "./shared.js";

/** `GET /v1/policy/describe/<name>`: when and by whom a policy was made. */
export const describePolicy = route({
  method: "GET",
  path: "/v1/policy/describe/",
  argument: "policy-name",
  doc: {
    summary: "Describe a policy",
    reply: reply({ name: { type: "string" }, ...created }),
    errors: ["POLICY_NOT_FOUND"],
  },

  handle(call, { directory }) {
    return { name: policyNamed(directory, call.argument).name, ...origin(directory) };
  },
});
