/** What a refusal of a server means: status and message to the catalogue's code (KES reference §12.5). */
import { type ErrorCode, errorCatalogue, KesError } from "../errors.js";
import { printable } from "./printable.js";
import type { ApiReply } from "./transport.js";

/** Longest message that is compared with the catalogue; two wildcards over a whole answer would take long. */
const MAX_MATCHED = 4096;

/** Messages of servers before 2024, as the pair of today. */
const legacy: ReadonlyMap<string, ErrorCode> = new Map<string, ErrorCode>([
  ["400 key does already exist", "KEY_EXISTS"],
  ["403 prohibited by policy", "NOT_AUTHORIZED"],
]);

const { exact, templates } = read();

/** The error that an answer other than 200 stands for. `ANSWER_UNEXPECTED` keeps status and words of the server. */
export function errorOfReply(reply: ApiReply): KesError {
  return errorOf(reply.status, messageOf(reply), reply.endpoint);
}

/** The error that `status` and `message` of the server at `endpoint` stand for. */
export function errorOf(status: number, message: string, endpoint: string): KesError {
  const key = `${status} ${message}`;
  const code = exact.get(key) ?? legacy.get(key);
  if (code !== undefined) return new KesError(code);
  if (message.length <= MAX_MATCHED) {
    for (const template of templates) {
      const found = template.status === status ? template.pattern.exec(message) : null;
      if (found !== null) return new KesError(template.code, found.slice(1).map(printable));
    }
  }
  const words = printable(message) || `key server ${endpoint} answered with status ${status}`;
  return new KesError("ANSWER_UNEXPECTED", [words], { status });
}

function messageOf({ contentType, body }: ApiReply): string {
  if (contentType.startsWith("application/json")) return jsonMessage(body);
  // A page is made for a browser: some proxy answered, and its status says all that is of use here.
  if (contentType.startsWith("text/html")) return "";
  return body
    .subarray(0, MAX_MATCHED + 1)
    .toString("utf8")
    .trim();
}

function jsonMessage(body: Buffer): string {
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    if (typeof value !== "object" || value === null) return "";
    const text = (name: string): string => {
      const member: unknown = Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined;
      return typeof member === "string" ? member : "";
    };
    return text("error") || text("message");
  } catch {
    // The status remains; it is told in place of the message.
    return "";
  }
}

function read(): {
  exact: ReadonlyMap<string, ErrorCode>;
  templates: readonly { status: number; pattern: RegExp; code: ErrorCode }[];
} {
  const exact = new Map<string, ErrorCode>();
  const templates: { status: number; pattern: RegExp; code: ErrorCode }[] = [];
  for (const [name, [status, message]] of Object.entries(errorCatalogue)) {
    const code = name as ErrorCode;
    // Status 0: what the SDK says by itself, which no server can make it say.
    if (status === 0) continue;
    if (!message.includes("%s")) exact.set(`${status} ${message}`, code);
    else {
      const parts = message.split("%s").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
      templates.push({ status, pattern: new RegExp(`^${parts.join("(.*)")}$`, "s"), code });
    }
  }
  return { exact, templates };
}
