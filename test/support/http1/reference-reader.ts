/**
 * Requests read by the grammar of RFC 9110 and 9112 written down as regular expressions, a whole message at once:
 * slow, without state, and written apart from the parser, which is held against it.
 */

export interface ReadRequest {
  readonly method: string;
  readonly target: string;
  /** All values of `x-a`. */
  readonly values: readonly string[];
  readonly body: string;
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]";
const VALUE = "[\\t -~\\x80-\\xff]*";
const START_LINE = new RegExp(`^(?:\\r\\n)*(${TOKEN}{1,32}) ([!-~]+) HTTP/1\\.([01])\\r\\n`);
const FIELD_LINES = new RegExp(`^((?:${TOKEN}+:${VALUE}\\r\\n)*)\\r\\n`);
const FIELD_LINE = new RegExp(`(${TOKEN}+):(${VALUE})\\r\\n`, "g");
const EXTENSION = `;${TOKEN}+(?:=(?:${TOKEN}+|"(?:[\\t !#-\\[\\]-~\\x80-\\xff]|\\\\[\\t -~\\x80-\\xff])*"))?`;
const CHUNK_LINE = new RegExp(`^([0-9A-Fa-f]{1,12})((?:${EXTENSION})*)\\r\\n`);
const HOST = /^[\w!$%&'()*+,.:;=[\]~-]*$/;
const MAX_FIELDS = 256;
const TARGET = /^(?:\/|\*$|[A-Za-z][A-Za-z0-9+.-]*:\/\/)/;

/**
 * The requests at the start of `text`, up to the first that is not whole or not valid, or ends the connection: by its
 * own words, or because an answer without length ends so in HTTP/1.0, which is what `/stream` of a play has.
 */
export function readRequests(text: string): readonly ReadRequest[] {
  const all: ReadRequest[] = [];
  for (let rest = text; ; ) {
    const next = readOne(rest);
    if (next === undefined) return all;
    all.push(next.request);
    if (next.isLast) return all;
    rest = rest.slice(next.size);
  }
}

interface Read {
  readonly request: ReadRequest;
  readonly size: number;
  readonly isLast: boolean;
}

function readOne(text: string): Read | undefined {
  const [line, method = "", target = "", minor] = START_LINE.exec(text) ?? [];
  if (line === undefined || !TARGET.test(target) || method === "CONNECT" || method === "PRI")
    return undefined;
  const [block, lines = ""] = FIELD_LINES.exec(text.slice(line.length)) ?? [];
  if (block === undefined) return undefined;
  const fields = [...lines.matchAll(FIELD_LINE)].map(
    ([, name = "", value = ""]) => [name.toLowerCase(), value.replace(/^[ \t]+|[ \t]+$/g, "")] as const,
  );
  const of = (wanted: string): string[] =>
    fields.filter(([name]) => name === wanted).map(([, value]) => value);
  const hosts = of("host");
  const headSize = line.length + block.length;
  const body = readBody(text.slice(headSize), of("content-length"), of("transfer-encoding"), minor === "0");
  const expected = minor === "1" ? of("expect") : [];
  const isHostless = hosts.length === 0 && minor === "1";
  if (isHostless || hosts.length > 1 || hosts.some((host) => !HOST.test(host))) return undefined;
  if (fields.length > MAX_FIELDS) return undefined;
  if (body === undefined || expected.some((e) => e.toLowerCase() !== "100-continue")) return undefined;
  const options = of("connection").flatMap((value) =>
    value
      .toLowerCase()
      .split(",")
      .map((o) => o.trim()),
  );
  const isHttp10 = minor === "0";
  const isLast =
    options.includes("close") ||
    (isHttp10 && (!options.includes("keep-alive") || target.startsWith("/stream")));
  const request = { method, target, values: of("x-a"), body: body.text };
  return { request, size: headSize + body.size, isLast };
}

interface ReadBody {
  readonly text: string;
  readonly size: number;
}

function readBody(
  text: string,
  lengths: readonly string[],
  codings: readonly string[],
  isOld: boolean,
): ReadBody | undefined {
  if (lengths.length + codings.length > 1) return undefined;
  const [coding] = codings;
  if (coding !== undefined) return isOld || coding.toLowerCase() !== "chunked" ? undefined : readChunks(text);
  const [length = "0"] = lengths;
  if (!/^\d+$/.test(length) || BigInt(length) > BigInt(Number.MAX_SAFE_INTEGER)) return undefined;
  return text.length < Number(length)
    ? undefined
    : { text: text.slice(0, Number(length)), size: Number(length) };
}

function readChunks(text: string): ReadBody | undefined {
  let body = "";
  let extensions = 0;
  for (let at = 0; ; ) {
    const [line, digits = "", extension = ""] = CHUNK_LINE.exec(text.slice(at)) ?? [];
    if (line === undefined || line.length > 256) return undefined;
    extensions += extension.length;
    if (extensions > 16_384) return undefined;
    const size = Number.parseInt(digits, 16);
    at += line.length;
    if (size === 0) {
      const [block] = FIELD_LINES.exec(text.slice(at)) ?? [];
      return block === undefined || block.length > 4_096
        ? undefined
        : { text: body, size: at + block.length };
    }
    if (text.slice(at + size, at + size + 2) !== "\r\n") return undefined;
    body += text.slice(at, at + size);
    at += size + 2;
  }
}
