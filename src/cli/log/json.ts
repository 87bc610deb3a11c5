/** Events as JSON lines, in the form in which servers send them (reference §11.4). */
import type { AuditEvent, ErrorEvent } from "../../client/types.js";
import { jsonText } from "../terminal/text.js";

/** @param server - first member where events of several servers are mixed */
export function auditJson({ time, request, response }: AuditEvent, server?: string): string {
  const { ip, path, identity, id, method } = request;
  return jsonText({
    ...(server === undefined ? {} : { server }),
    time,
    request: {
      ...(ip === undefined || ip === "" ? {} : { ip }),
      path,
      ...(identity === undefined || identity === "" ? {} : { identity }),
      ...(id === undefined ? {} : { id }),
      ...(method === undefined ? {} : { method }),
    },
    response: { code: response.code, time: response.timeNs },
  });
}

export function errorJson({ message }: ErrorEvent, server?: string): string {
  return jsonText({ ...(server === undefined ? {} : { server }), message });
}
