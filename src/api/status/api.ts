import { reply } from "../key/shared.js";
import { route } from "../route.js";

/** `GET /v1/api`: the routes with their limits, sorted by path. */
export const api = route({
  method: "GET",
  path: "/v1/api",
  argument: "none",
  maySkipAuth: true,
  timeoutMs: 10_000,
  counted: false,
  doc: {
    summary: "List the API",
    description: "`max_body` in bytes, `timeout` in seconds, 0 for none.",
    reply: {
      type: "array",
      items: reply({
        method: { type: "string" },
        path: { type: "string" },
        max_body: { type: "integer" },
        timeout: { type: "integer" },
      }),
    },
  },

  handle(_call, { facts }) {
    return facts.apis;
  },
});
