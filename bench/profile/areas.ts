/** Which part of the system a function of a CPU profile belongs to. */

/** The first whose pattern matches the place of a function counts. */
const AREAS: readonly (readonly [area: string, where: RegExp])[] = [
  ["cryptography and randomness (ours and node:crypto)", /\/src\/crypto\/|node:(?:internal\/)?crypto/],
  ["JSON and base64 of bodies", /\/src\/api\/(?:wire|quick-json)/],
  ["routes and handlers", /\/src\/api\//],
  ["key cache and service", /\/src\/keys\/|\/keystores\/|\/src\/keystore\//],
  ["policy and identity", /\/src\/policy\/|\/src\/identity\/|\/server\/(?:permits|authorize|peer|forwarded)/],
  ["audit line", /\/src\/audit\/|sonic-boom/],
  ["metrics", /\/src\/metrics\/|prom-client/],
  ["own HTTP engines", /\/src\/server\/(?:http1|http2)\//],
  ["way of a request (pipeline, exchange, limits)", /\/src\/server\//],
  ["node:http2", /node:internal\/http2/],
  ["node:http", /node:_http|node:internal\/http/],
  [
    "TLS sockets and streams of Node",
    /node:(?:internal\/)?(?:_?tls|net|_tls|streams?|stream_base|js_stream)|node:_tls/,
  ],
  ["events, timers, buffers and the rest of Node", /^node:/],
];

/** V8's own names, without a place. */
const SPECIAL: Readonly<Record<string, string>> = {
  "(garbage collector)": "garbage collector",
  "(program)": "native code: TLS, OpenSSL, system calls, event loop",
  "(idle)": "idle",
  "(root)": "idle",
};

export const IDLE = "idle";

/** @param url - of the script, `node:…` for Node's own; empty for native code */
export function areaOf(functionName: string, url: string): string {
  const special = SPECIAL[functionName];
  if (special !== undefined) return special;
  if (url === "") return nativeArea(functionName);
  return AREAS.find(([, where]) => where.test(url))?.[0] ?? "other";
}

/** Functions written in C++ that JavaScript calls: V8 gives their names and no place. */
function nativeArea(name: string): string {
  if (/^(?:writev?|writeBuffer|write\w+String|shutdown|readStart|readStop|enableTrace)$/.test(name))
    return "writes to sockets (TLS records, write system calls)";
  if (/cipher|hmac|hash|digest|random|update|final|authtag|aad|sign/i.test(name))
    return "cryptography and randomness (ours and node:crypto)";
  return "native functions that JavaScript calls";
}
