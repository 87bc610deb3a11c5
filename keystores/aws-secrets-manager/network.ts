/** What failures of a connection say: whether a request had left this process, and what an operator does. */

/** The connection was not made: no request has left this process. */
const CONNECT_FAILURES: ReadonlySet<string> = new Set([
  ...["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "UND_ERR_CONNECT_TIMEOUT"],
  ...["DEPTH_ZERO_SELF_SIGNED_CERT", "SELF_SIGNED_CERT_IN_CHAIN", "UNABLE_TO_VERIFY_LEAF_SIGNATURE"],
  ...["UNABLE_TO_GET_ISSUER_CERT", "UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "CERT_UNTRUSTED"],
  ...["CERT_HAS_EXPIRED", "CERT_NOT_YET_VALID", "ERR_TLS_CERT_ALTNAME_INVALID"],
  ...["ERR_SSL_WRONG_VERSION_NUMBER", "ERR_SSL_PACKET_LENGTH_TOO_LONG", "EPROTO"],
]);

const ADVICE: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there: check 'endpoint'",
  ENOTFOUND: "the host name is unknown: check 'endpoint', 'region' and DNS",
  EAI_AGAIN: "the host name could not be resolved for now: check DNS",
  ECONNRESET: "the connection was reset",
  UND_ERR_SOCKET: "the connection was closed before the answer was whole",
  UND_ERR_CONNECT_TIMEOUT: "no connection in time: check the network, firewalls and proxies",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another name: check 'endpoint'",
  CERT_HAS_EXPIRED: "its certificate has expired",
  CERT_NOT_YET_VALID: "its certificate is not valid yet: check the clock of this machine",
  ERR_SSL_WRONG_VERSION_NUMBER: "it does not speak TLS: the endpoint may be http://",
};

/** How undici says that a proxy would not make a tunnel. */
const NO_TUNNEL = /HTTP Tunneling/;

export function isConnectFailure(cause: unknown): boolean {
  const code = codeOf(cause);
  return (code !== undefined && CONNECT_FAILURES.has(code)) || NO_TUNNEL.test(messageOf(cause));
}

/** For the error log. */
export function reasonOf(cause: unknown): string {
  const text = messageOf(cause);
  if (NO_TUNNEL.test(text)) return `the proxy refuses the connection (${text})`;
  const code = codeOf(cause);
  if (code === undefined) return text;
  const advice = Object.hasOwn(ADVICE, code) ? ADVICE[code] : undefined;
  const isUntrusted = /SELF_SIGNED|VERIFY|ISSUER|UNTRUSTED/.test(code);
  return `${advice ?? (isUntrusted ? "its certificate is not trusted: see AWS_CA_BUNDLE" : text)} (${code})`;
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function codeOf(cause: unknown): string | undefined {
  if (typeof cause !== "object" || cause === null) return undefined;
  if ("code" in cause && typeof cause.code === "string") return cause.code;
  if (cause instanceof AggregateError) return codeOf(cause.errors[0]);
  return "cause" in cause ? codeOf(cause.cause) : undefined;
}
