import { reply } from "../key/shared.js";
import { route } from "../route.js";

/** `GET /version`: what is running; for anybody who completed TLS. */
export const version = route({
  method: "GET",
  path: "/version",
  argument: "none",
  access: "none",
  timeoutMs: 10_000,
  counted: false,
  doc: {
    summary: "Version of the server",
    reply: reply({ version: { type: "string" }, commit: { type: "string" } }),
  },

  handle(_call, { facts }) {
    return { version: facts.version, commit: facts.commit };
  },
});
