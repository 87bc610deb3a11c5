import { KesError } from "../../errors.js";
import { reply } from "../key/shared.js";
import { created, origin, rules } from "../policy/shared.js";
import { route } from "../route.js";

/** `GET /v1/identity/self/describe`: who the caller is and what it may do. No policy can deny it. */
export const describeSelf = route({
  method: "GET",
  path: "/v1/identity/self/describe",
  argument: "none",
  access: "identify",
  doc: {
    summary: "Describe the caller",
    reply: reply(
      {
        identity: { type: "string" },
        admin: { const: true },
        policy: { type: "string" },
        allow: { type: "object" },
        deny: { type: "object" },
        ...created,
      },
      ["admin", "policy", "allow", "deny", "created_by"],
    ),
    errors: ["IDENTITY_NOT_FOUND"],
  },

  handle(call, { directory }) {
    const { identity, admin } = call.caller;
    if (identity === undefined) throw new KesError("IDENTITY_NOT_FOUND");
    const { created_at, created_by } = origin(directory);
    if (admin) return { identity, admin: true, created_at };
    const policy = directory.policyOf(identity);
    if (policy === undefined) throw new KesError("IDENTITY_NOT_FOUND");
    return { identity, created_at, created_by, policy: policy.name, ...rules(policy) };
  },
});
