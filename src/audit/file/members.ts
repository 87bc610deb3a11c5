/** What the lines of the audit file say, besides their place in the chain (docs/audit.md). */
import type { AuditEvent } from "../events.js";
import { type Link, linkOf } from "./line.js";

/** Longest message of a record, in characters. */
const MAX_MESSAGE = 1024;

/** A request that was answered or refused. @param members - those of `/v1/log/audit` */
export function requestMembers({ message }: Pick<AuditEvent, "message">, members: string): string {
  return `"type":"request",${members},"message":${JSON.stringify(message.slice(0, MAX_MESSAGE))}`;
}

/**
 * A change that is about to be made; its outcome is a request's line with the same id.
 * @param members - those of `/v1/log/audit` but for `response`
 */
export function intentMembers(members: string): string {
  return `"type":"intent",${members}`;
}

/** What happened to the file itself. Values are texts and numbers that hold no secret. */
export interface Notice {
  readonly event:
    | "start"
    | "resume"
    | "torn"
    | "lost"
    | "damaged"
    | "deleted"
    | "moved"
    | "clock"
    | "removed"
    | "skipped";
  readonly details?: Readonly<Record<string, string | number | boolean>>;
}

export function noticeMembers({ event, details = {} }: Notice, time: string): string {
  return `"type":"notice","time":"${time}","event":"${event}"${Object.entries(details)
    .map(([name, value]) => `,${JSON.stringify(name)}:${JSON.stringify(value)}`)
    .join("")}`;
}

/** The first line of a file. */
export interface Header {
  /** 32 hex digits. */
  readonly chain: string;
  /** Which key signs in this file. */
  readonly key: string;
  /** Last line of the file before; undefined for the first file of a chain. */
  readonly previous: Link | undefined;
}

export function headerMembers({ chain, key, previous }: Header, time: string): string {
  const before = previous === undefined ? "null" : `{"seq":${previous.sequence},"hash":"${previous.hash}"}`;
  return `"type":"header","time":"${time}","version":1,"chain":"${chain}","key":"${key}","previous":${before}`;
}

/** The header that `members` are, and its time in milliseconds since the epoch; undefined when they are none. */
export function headerOf(
  members: Readonly<Record<string, unknown>> | undefined,
): (Header & { readonly timeMs: number }) | undefined {
  const { type, time, version, chain, key, previous } = members ?? {};
  if (type !== "header" || version !== 1) return undefined;
  if (typeof chain !== "string" || typeof key !== "string" || typeof time !== "string") return undefined;
  const timeMs = Date.parse(time);
  if (Number.isNaN(timeMs) || !/^[0-9a-f]{32}$/.test(chain)) return undefined;
  if (previous === null) return { chain, key, previous: undefined, timeMs };
  const link = linkOf(previous);
  return link === undefined ? undefined : { chain, key, previous: link, timeMs };
}
