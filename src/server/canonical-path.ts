/**
 * From the request target to the one path that routing and policy see, decoded exactly once (KES reference §2.2).
 *
 * Everything that could make two readers of a path disagree is settled here: percent escapes, double slashes,
 * dot segments, absolute URLs, query strings. What this function does not understand it refuses.
 */
import type { CanonicalPath } from "../policy/policy.js";

/** What a request target turned out to be. */
export type TargetResult =
  /** `raw` is the path as sent, without query: needed to tell an escaped slash from a real one. */
  | { readonly kind: "path"; readonly path: CanonicalPath; readonly raw: string; readonly query: string }
  /** The path was not clean; the client is sent to the cleaned one. */
  | { readonly kind: "redirect"; readonly location: string }
  | { readonly kind: "invalid"; readonly shown: string };

/** Longest path in bytes as sent; the longest that any route needs is below 400. */
const MAX_PATH = 4096;

// A path that needs no work: no escape, no empty segment, no segment that begins with a dot.
const SIMPLE = /^(?:\/[\w~!$&'()*+,:;=@-][\w~!$&'()*+,:;=@.-]*)+\/?$/;
const ESCAPE = /%[0-9A-Fa-f]{2}/g;

/** Reads the target of a request line or the `:path` of HTTP/2. */
export function readTarget(target: string): TargetResult {
  const mark = target.indexOf("?");
  const query = mark < 0 ? "" : target.slice(mark);
  const raw = originForm(mark < 0 ? target : beforeQuery(target, mark));
  if (SIMPLE.test(raw) && raw.length <= MAX_PATH) {
    return { kind: "path", path: raw as CanonicalPath, raw, query };
  }
  return readUnusual(raw, query);
}

/** Not a part of a long target, which it would keep in memory: names of keys are remembered, and are parts of paths. */
function beforeQuery(target: string, mark: number): string {
  const path = target.slice(0, mark);
  return target.length > MAX_PATH ? Buffer.from(path, "utf16le").toString("utf16le") : path;
}

/** Proxies may send `GET https://host/path`; the path is what counts, as in Go's server. */
function originForm(target: string): string {
  if (target.startsWith("/")) return target;
  const authority = /^https?:\/\/[^/]*/i.exec(target)?.[0];
  if (authority === undefined) return target;
  return target.slice(authority.length) || "/";
}

function readUnusual(raw: string, query: string): TargetResult {
  const shown = raw.slice(0, MAX_PATH);
  if (!raw.startsWith("/") || raw.length > MAX_PATH) return { kind: "invalid", shown };
  // Control characters and space never come from an honest client; behind a proxy they split requests.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
  if (/[\x00-\x20\x7f]/.test(raw)) return { kind: "invalid", shown };
  if (raw.replace(ESCAPE, "").includes("%")) return { kind: "invalid", shown };
  const cleaned = clean(raw);
  if (cleaned !== raw) return { kind: "redirect", location: locationOf(cleaned, query) };
  return { kind: "path", path: decode(raw) as CanonicalPath, raw, query };
}

/** Removes empty, `.` and `..` segments as sent; escaped ones stay, and no route or name matches them. */
function clean(raw: string): string {
  const out: string[] = [];
  const segments = raw.split("/").slice(1);
  for (const segment of segments) {
    if (segment === "" || segment === ".") continue;
    if (segment === "..") out.pop();
    else out.push(segment);
  }
  const last = segments.at(-1);
  const slash = out.length > 0 && last === "" ? "/" : "";
  return `/${out.join("/")}${slash}`;
}

/**
 * A header value that leads to `path` on this host. What is not plain ASCII is escaped: a line break would end the
 * header, and browsers take a backslash for a slash, so that `/\evil.example` would be another host. Behind the
 * first slash of a clean path never stands a second one.
 */
export function locationOf(path: string, query: string): string {
  return (path + query).replace(UNSAFE_IN_LOCATION, (c) => {
    const hex = Buffer.from(c, "utf8").toString("hex").toUpperCase();
    return hex.replace(/../g, "%$&");
  });
}

const UNSAFE_IN_LOCATION = /[^\x21-\x5b\x5d-\x7e]/gu;

/** Decodes every escape once. Invalid UTF-8 becomes U+FFFD, which no name, route or valid pattern holds. */
function decode(raw: string): string {
  if (!raw.includes("%")) return raw;
  const bytes = Buffer.from(raw, "utf8");
  const out = Buffer.alloc(bytes.length);
  let size = 0;
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] === 0x25) {
      out[size++] = Number.parseInt(bytes.toString("latin1", i + 1, i + 3), 16);
      i += 2;
    } else out[size++] = bytes[i] ?? 0;
  }
  return out.toString("utf8", 0, size);
}

/**
 * True when the first `slashes` slashes of `path` stand unescaped in `raw`: a route is found by real slashes
 * alone, so `/v1%2Fkey/create/x` is an unknown path.
 */
export function hasRealSlashes(raw: string, path: string, slashes: number): boolean {
  if (!raw.includes("%")) return true;
  let at = -1;
  for (let i = 0; i < slashes; i++) {
    at = raw.indexOf("/", at + 1);
    if (at < 0) return false;
  }
  let decodedAt = -1;
  for (let i = 0; i < slashes; i++) decodedAt = path.indexOf("/", decodedAt + 1);
  return decode(raw.slice(0, at + 1)) === path.slice(0, decodedAt + 1);
}
