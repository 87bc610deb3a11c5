import { KesError } from "../../errors.js";
import { route } from "../route.js";

/** `GET /v1/ready`: empty 200 when keys can be served, that is when the keystore answers. */
export const ready = route({
  method: "GET",
  path: "/v1/ready",
  argument: "none",
  maySkipAuth: true,
  counted: false,
  doc: {
    summary: "Is the server ready?",
    description:
      "504: the keystore is not reachable; 502: it answers but fails; 503: worker processes end again and again.",
    errors: ["KEYSTORE_UNREACHABLE", "KEYSTORE_UNAVAILABLE", "WORKERS_FAILING"],
  },

  async handle(call, { keys, whole }) {
    if (whole.failing) throw new KesError("WORKERS_FAILING");
    await keys.ready(call);
    return undefined;
  },
});
