import { type RouteDoc, route, StreamReply } from "../route.js";

/** What the documents say of a stream. */
const stream: Pick<RouteDoc, "mediaType" | "reply" | "errors"> = {
  mediaType: "application/x-ndjson",
  reply: { type: "string", description: "One JSON object a line, as events happen" },
  errors: ["OVERLOADED"],
};

/** `GET /v1/log/error`: the error log as it happens, until the client leaves. */
export const errorLog = route({
  method: "GET",
  path: "/v1/log/error",
  argument: "none",
  timeoutMs: 0,
  counted: false,
  doc: { summary: "Follow the error log", ...stream },

  handle(_call, services) {
    return new StreamReply(services.errorLog);
  },
});

/** The same stream under the path of releases before v0.18. */
export const errorLogTrace = route({
  ...errorLog,
  path: "/v1/log/error/trace",
  guardedBy: { path: "/v1/log/error", mode: "either" },
  doc: { summary: "Follow the error log (older path)", ...stream },
});
