import { type RouteDoc, route, StreamReply } from "../route.js";

/** What the documents say of a stream. */
const stream: Pick<RouteDoc, "mediaType" | "reply" | "errors"> = {
  mediaType: "application/x-ndjson",
  reply: { type: "string", description: "One JSON object a line, as events happen" },
  errors: ["OVERLOADED"],
};

/** `GET /v1/log/audit`: the audit log as it happens, until the client leaves. */
export const auditLog = route({
  method: "GET",
  path: "/v1/log/audit",
  argument: "none",
  timeoutMs: 0,
  counted: false,
  doc: { summary: "Follow the audit log", ...stream },

  handle(_call, services) {
    return new StreamReply(services.auditLog);
  },
});

/** The same stream under the path of releases before v0.18. */
export const auditLogTrace = route({
  ...auditLog,
  path: "/v1/log/audit/trace",
  guardedBy: { path: "/v1/log/audit", mode: "either" },
  doc: { summary: "Follow the audit log (older path)", ...stream },
});
