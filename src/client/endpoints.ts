/** The addresses of key servers, as users write them (KES reference §14.2, MinIO client reference §1.3). */
import { KesError } from "../errors.js";

/** One key server, or a balancer in front of several. */
export interface Endpoint {
  /** `https://host:port`, the port left out when it is 443; and the path below which the API stands, mostly none. */
  readonly url: string;
  /** `https://host:port`. */
  readonly origin: string;
  /** Name or address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  /** `host:port` as the request names it; the port left out when it is 443. */
  readonly authority: string;
  /** What stands before the API's paths: empty or `/…` without a slash at its end. */
  readonly prefix: string;
}

/** KES's port, used for an address without scheme and port. */
export const DEFAULT_PORT = 7373;
/** Most endpoints of one client. */
const MAX_ENDPOINTS = 256;

/**
 * Reads a list of addresses; see {@link ClientOptions.endpoints}. Doubles count once.
 *
 * `https://host` means port 443 as everywhere, and as in KES: there is a balancer in front. `host` alone meant the
 * same in KES, which hardly ever was right (KES reference §16 #23), so it gets KES's own port.
 *
 * @throws KesError `CLIENT_OPTIONS_INVALID` for an address that is none, or none at all
 */
export function parseEndpoints(addresses: string | readonly string[]): [Endpoint, ...Endpoint[]] {
  const list = [addresses]
    .flat()
    // A variable of the environment that is not set, in a program without types.
    .flatMap((text) => (typeof text === "string" ? text.split(",") : []))
    .map((text) => text.trim())
    .filter((text) => text !== "")
    .flatMap(expand)
    .map(parse);
  const [first, ...rest] = new Map(list.map((endpoint) => [endpoint.url, endpoint])).values();
  if (first === undefined) throw invalid("no address of a key server is given");
  if (rest.length >= MAX_ENDPOINTS) throw invalid(`more than ${MAX_ENDPOINTS} addresses of key servers`);
  return [first, ...rest];
}

function parse(text: string): Endpoint {
  const hasScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
  const address = hasScheme ? text.replace(/^http:/i, "https:") : `https://${text}`;
  const url = URL.canParse(address) ? new URL(address) : undefined;
  // The text may hold a password, so that it is quoted only where it cannot.
  if (url === undefined || url.username !== "" || url.password !== "") {
    throw invalid(
      url === undefined && !text.includes("@")
        ? `'${text}' is no address of a key server`
        : "an address of a key server is not of the form https://host:port",
    );
  }
  if (url.protocol !== "https:") throw invalid(`'${text}': only https:// is supported`);
  if (url.search !== "" || url.hash !== "") throw invalid(`'${text}' has more than host, port and path`);
  // The URL parser drops `:443`, which then must not become the default port.
  const portGiven = /^https:\/\/[^/]*:\d+(?:\/|$)/.test(address);
  if (!hasScheme && !portGiven) url.port = String(DEFAULT_PORT);
  const prefix = url.pathname.replace(/\/+$/, "");
  return {
    url: url.origin + prefix,
    origin: url.origin,
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? 443 : Number(url.port),
    authority: url.host,
    prefix,
  };
}

/** `{1...4}` → 1, 2, 3, 4; leading zeros set the width; several patterns multiply, the rightmost varying fastest. */
function expand(text: string): string[] {
  const pattern = /\{([0-9a-f]{1,8})\.\.\.([0-9a-f]{1,8})\}/i.exec(text);
  if (pattern === null) {
    if (/[{}]/.test(text)) throw invalid(`'${text}': a range is written as {1...4}`);
    return [text];
  }
  const [whole, from = "", to = ""] = pattern;
  const radix = /^\d+$/.test(from) && /^\d+$/.test(to) ? 10 : 16;
  const [first, last] = [Number.parseInt(from, radix), Number.parseInt(to, radix)];
  if (last < first || last - first >= MAX_ENDPOINTS)
    throw invalid(`'${text}': the range is empty or too long`);
  const width = from.startsWith("0") ? from.length : 0;
  const [before, after] = [text.slice(0, pattern.index), text.slice(pattern.index + whole.length)];
  const rests = expand(after);
  if (rests.length * (last - first + 1) > MAX_ENDPOINTS)
    throw invalid(`'${text}' stands for too many addresses`);
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i).toString(radix).padStart(width, "0"))
    .map((number) => before + number)
    .flatMap((start) => rests.map((rest) => start + rest));
}

function invalid(reason: string): KesError {
  return new KesError("CLIENT_OPTIONS_INVALID", [reason]);
}
