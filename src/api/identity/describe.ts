import { KesError } from "../../errors.js";
import { identity } from "../../names.js";
import { reply } from "../key/shared.js";
import { created, origin } from "../policy/shared.js";
import { route } from "../route.js";

/** `GET /v1/identity/describe/<identity>`: whether an identity is the admin, or which policy it has. */
export const describeIdentity = route({
  method: "GET",
  path: "/v1/identity/describe/",
  argument: "identity",
  doc: {
    summary: "Describe an identity",
    reply: reply({ policy: { type: "string" }, admin: { const: true }, ...created }, [
      "policy",
      "admin",
      "created_by",
    ]),
    errors: ["IDENTITY_NOT_FOUND"],
  },

  handle(call, { directory }) {
    const asked = identity(call.argument);
    if (asked !== undefined && asked === directory.admin) {
      return { admin: true, created_at: origin(directory).created_at };
    }
    const policy = asked && directory.policyOf(asked);
    if (policy === undefined) throw new KesError("IDENTITY_NOT_FOUND");
    return { policy: policy.name, ...origin(directory) };
  },
});
