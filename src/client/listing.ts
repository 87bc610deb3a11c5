/** Listings, page by page (KES reference §5, §12.2). */
import { isKesError, KesError } from "../errors.js";
import { isName, patternPrefix } from "../names.js";
import type { Caller } from "./caller.js";
import { invalid, jsonOf, Members } from "./members.js";
import { printable } from "./printable.js";
import type { ApiReply } from "./transport.js";
import type { ListOptions } from "./types.js";

/** Where names are listed. */
export interface Listing {
  /** Ends in `/`. */
  readonly path: string;
  /** Member of a page that holds the names. */
  readonly list: "names" | "identities";
  /** Member of a line that holds one name, as servers before 2023-11 list. */
  readonly line: "name" | "identity";
}

/** Content type of servers that list one JSON object a line. */
const NDJSON = "application/x-ndjson";
/** Most pages of one listing: 100 million names at KES's page size. */
const MAX_PAGES = 100_000;
const MAX_TOKEN = 1024;

interface Page {
  readonly names: readonly string[];
  /** Empty on the last page. */
  readonly next: string;
  /** From a server that matches patterns as globs: without a star it lists one name. */
  readonly isGlob: boolean;
}

/**
 * The names that begin with `options.prefix`, in the server's order. The deadline holds for each page.
 * @throws KesError `PATTERN_INVALID` before anything is sent; `ANSWER_INVALID` when pages lead in a circle;
 *   `ANSWER_UNEXPECTED`, after all that it gives, when the server is one that loses names beyond its first page
 */
export async function* listNames(
  caller: Caller,
  listing: Listing,
  options: ListOptions,
): AsyncGenerator<string, void, undefined> {
  const { prefix, ...call } = { ...options, prefix: prefixOf(options.prefix ?? "") };
  const get = async (argument: string): Promise<Page & { endpoint: string }> => {
    const reply = await caller.send({ method: "GET", path: listing.path + escapeArgument(argument) }, call);
    return { ...pageOf(reply, listing), endpoint: reply.endpoint };
  };
  let page = await firstPage(prefix, get);
  const seen = new Set<string>();
  for (;;) {
    for (const name of page.names) if (name.startsWith(prefix)) yield name;
    const { next } = page;
    if (next === "" || page.names.length === 0) return;
    if (seen.has(next) || seen.size >= MAX_PAGES) throw invalid(page.endpoint, "its pages do not end");
    seen.add(next);
    page = await get(next);
    if (isCutShort(next, page)) {
      for (const name of page.names) if (name.startsWith(prefix)) yield name;
      const reason = `key server ${page.endpoint} leaves out what comes after '${next}'; list longer prefixes`;
      throw new KesError("ANSWER_UNEXPECTED", [reason], { status: 200 });
    }
  }
}

/** The first page, asked for in whichever way the server understands. */
async function firstPage<P extends Page>(prefix: string, get: (argument: string) => Promise<P>): Promise<P> {
  if (isName(prefix)) {
    const page = await get(prefix);
    return page.isGlob ? get(`${prefix}*`) : page;
  }
  // `my-` is no pattern, `my-*` is; `*` is understood everywhere, where the empty pattern is not.
  const page = await get(`${prefix}*`);
  if (prefix === "" || page.names.length > 0 || page.isGlob) return page;
  // Servers of 2024 and later take the star for a part of the name, and list nothing: ask for more and choose.
  const shorter = prefix.replace(/[-_]+$/, "");
  try {
    return await get(isName(shorter) ? shorter : "*");
  } catch (error) {
    if (isKesError(error, "NOT_AUTHORIZED")) return page;
    throw error;
  }
}

/**
 * True when a server took the token `next` for a prefix and lists only what begins with it, as KES does: everything
 * behind is lost. Our tokens are no names.
 */
function isCutShort(next: string, page: Page): boolean {
  return isName(next) && page.next === "" && page.names.every((name) => name.startsWith(next));
}

function prefixOf(pattern: string): string {
  const prefix = patternPrefix(pattern) ?? patternPrefix(`${pattern}*`);
  if (prefix === undefined) throw new KesError("PATTERN_INVALID", [printable(pattern)]);
  return prefix;
}

/** One segment of a path; `*` too, as KES's own client does. */
function escapeArgument(text: string): string {
  return encodeURIComponent(text).replaceAll("*", "%2A");
}

function pageOf(reply: ApiReply, listing: Listing): Page {
  if (reply.contentType === NDJSON) return { names: linesOf(reply, listing), next: "", isGlob: true };
  const members = Members.of(reply);
  const next = members.text("continue_at", "");
  if (next.length > MAX_TOKEN || next === "." || next === "..")
    throw members.invalid("'continue_at' is no token");
  return { names: members.texts(listing.list), next, isGlob: false };
}

function linesOf({ endpoint, body }: ApiReply, { line }: Listing): string[] {
  return body
    .toString("utf8")
    .split("\n")
    .filter((text) => text.trim() !== "")
    .map((text) => {
      const members = new Members(jsonOf({ endpoint, body: Buffer.from(text) }), endpoint);
      // A failure half-way comes as last line, for the status is sent by then.
      const error = members.value("error");
      if (typeof error === "string" && error !== "")
        throw new KesError("ANSWER_UNEXPECTED", [printable(error)], { status: 502 });
      return members.text(line);
    });
}
