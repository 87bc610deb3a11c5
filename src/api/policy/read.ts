import { reply } from "../key/shared.js";
import { route } from "../route.js";
import { created, origin, policyNamed, rules } from "./shared.js";

/** `GET /v1/policy/read/<name>`: the rules of a policy. */
export const readPolicy = route({
  method: "GET",
  path: "/v1/policy/read/",
  argument: "policy-name",
  doc: {
    summary: "Read a policy",
    reply: reply(
      { name: { type: "string" }, allow: { type: "object" }, deny: { type: "object" }, ...created },
      ["allow", "deny"],
    ),
    errors: ["POLICY_NOT_FOUND"],
  },

  handle(call, { directory }) {
    const policy = policyNamed(directory, call.argument);
    return { name: policy.name, ...rules(policy), ...origin(directory) };
  },
});
