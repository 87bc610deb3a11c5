/** What a failure of the network means, and what to do about it. */
import { isKesError, KesError, tlsCode } from "../errors.js";
import { printable } from "./printable.js";

/**
 * The connection took no more requests when this one came to it: it was certainly not sent. Told to nobody; the
 * request goes over another connection.
 */
export class ConnectionGone extends Error {
  override readonly name = "ConnectionGone";
}

/**
 * REFUSED_STREAM. By RFC 9113, section 8.7, the request was not processed. HAProxy says the same of a request that it
 * had passed on to a server that died before it answered, so that what must not be done twice cannot rely on it.
 */
export class StreamRefused extends ConnectionGone {}

/** True when the request that failed so was certainly not carried out by any server. */
export function wasNotSent(error: unknown): boolean {
  return (
    error instanceof ConnectionGone ||
    isKesError(
      error,
      "ENDPOINT_UNREACHABLE",
      "SERVER_UNTRUSTED",
      "CERTIFICATE_REFUSED",
      "CREDENTIALS_INVALID",
    )
  );
}

const NETWORK: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused; is the server running, and is the port right?",
  ENOTFOUND: "the name is not known; is the address right?",
  EAI_AGAIN: "the name could not be looked up now",
  EHOSTUNREACH: "no route to the host",
  ENETUNREACH: "no route to the network",
  ETIMEDOUT: "no connection in time",
  ECONNRESET: "the connection was reset",
  EPIPE: "the connection was closed",
  EMFILE: "this process has too many open files",
  ENOTCONN: "the connection was closed",
};

/** A connection that could not be made, as an error that teaches. @param host - that was asked for */
export function connectFault(endpoint: string, host: string, cause: unknown): KesError {
  if (isKesError(cause)) return cause;
  const code = codeOf(cause);
  const alert = ALERTS[code];
  if (alert !== undefined) return new KesError("CERTIFICATE_REFUSED", [endpoint, alert], { cause });
  const distrust = distrustOf(code, host, cause);
  if (distrust !== undefined) return new KesError("SERVER_UNTRUSTED", [endpoint, distrust], { cause });
  if (code === "ERR_SSL_WRONG_VERSION_NUMBER" || code === "ERR_SSL_PACKET_LENGTH_TOO_LONG") {
    return new KesError("ENDPOINT_UNREACHABLE", [endpoint, "what listens there speaks no TLS"], { cause });
  }
  return new KesError("ENDPOINT_UNREACHABLE", [endpoint, reasonOf(cause)], { cause });
}

/**
 * A connection that ended in or after the handshake before the server said anything. Servers of Node.js, this one
 * too, end it so, without a TLS alert, when they do not accept the client's certificate.
 */
export function earlyEnd(endpoint: string, host: string, cause: unknown): KesError {
  return isEndOfConnection(cause)
    ? new KesError("ENDPOINT_UNREACHABLE", [endpoint, EARLY_END], { cause })
    : connectFault(endpoint, host, cause);
}

/** {@link answerFault} of the first request on a connection, of whose answer nothing came. */
export function firstAnswerFault(endpoint: string, cause: unknown): KesError {
  return isEndOfConnection(cause)
    ? new KesError("ANSWER_LOST", [endpoint, EARLY_END], { cause })
    : answerFault(endpoint, cause);
}

const EARLY_END =
  "it closed the connection at the TLS handshake, as servers do that do not accept the client's certificate";

function isEndOfConnection(cause: unknown): boolean {
  return ["", "EPIPE", "ECONNRESET", "ENOTCONN", "UND_ERR_SOCKET"].includes(codeOf(cause));
}

/** A request that was sent and has no whole answer. @param what - had come of the answer */
export function answerFault(endpoint: string, cause: unknown, what = ""): KesError {
  if (isKesError(cause)) return cause;
  const code = codeOf(cause);
  const alert = ALERTS[code];
  // The server checks the certificate before it reads a request, but with TLS 1.3 the request is under way by then.
  if (alert !== undefined && what === "") {
    return new KesError("CERTIFICATE_REFUSED", [endpoint, alert], { cause });
  }
  const invalid = INVALID[cause instanceof Error && cause.name === "HTTPParserError" ? cause.name : code];
  // undici's parser error carries what it could not parse, which may hold a key.
  if (invalid !== undefined) return new KesError("ANSWER_INVALID", [endpoint, invalid]);
  return new KesError("ANSWER_LOST", [endpoint, what + reasonOf(cause)], { cause });
}

const INVALID: Readonly<Record<string, string>> = {
  HTTPParserError: "it is not HTTP",
  UND_ERR_HEADERS_OVERFLOW: "its headers are too large",
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: "it is not as long as it says",
};

const NO_CERTIFICATE = "it wants one; give an API key, or a certificate with its key";
const ALERTS: Readonly<Record<string, string>> = {
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: NO_CERTIFICATE,
  ERR_SSL_SSLV3_ALERT_NO_CERTIFICATE: NO_CERTIFICATE,
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA:
    "it knows no authority that signed it; the server verifies client certificates (tls.auth), so that API keys are of no use there",
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: "it is missing, damaged, or not accepted there",
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    "it has ended or is not valid yet; renew it, and look at both clocks",
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED: "it was revoked",
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: "it is not accepted there",
  ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE: "its kind is not supported, or it may not be used by clients",
  ERR_SSL_TLSV1_ALERT_ACCESS_DENIED: "it is not accepted there",
  ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR: "the server could not verify it",
  // What TLS 1.2 has for a missing certificate; also for no cipher in common.
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: `the handshake failed there; most likely ${NO_CERTIFICATE}`,
};

const UNKNOWN_AUTHORITY =
  "no trusted authority has signed it; name the certificate of that authority, or the server's own, as CA";
const CERTIFICATE_FAULTS: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: "it is signed by itself; name it as CA",
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_AUTHORITY,
  CERT_UNTRUSTED: UNKNOWN_AUTHORITY,
  CERT_REJECTED: UNKNOWN_AUTHORITY,
  CERT_SIGNATURE_FAILURE:
    "its signature is wrong; another authority has the same name as one that is trusted",
  CERT_HAS_EXPIRED: "it has ended; renew it on the server, and look at this machine's clock",
  CERT_NOT_YET_VALID: "it is not valid yet; look at this machine's clock",
  CERT_REVOKED: "it was revoked",
  INVALID_CA: "what signed it is no authority",
  INVALID_PURPOSE: "it may not be used by servers",
  CERT_CHAIN_TOO_LONG: "its chain is too long",
  PATH_LENGTH_EXCEEDED: "its chain is longer than its authority allows",
  HOSTNAME_MISMATCH: "it is made for other names",
};

function distrustOf(code: string, host: string, cause: unknown): string | undefined {
  if (code !== "ERR_TLS_CERT_ALTNAME_INVALID") return CERTIFICATE_FAULTS[code];
  const names = namesOf(cause);
  const others = names === "" ? "no name or address" : names;
  return `it is made for ${others}, not for ${host}; use such a name, or have ${host} added to it`;
}

/** The subject alternative names that Node's error carries. */
function namesOf(cause: unknown): string {
  if (typeof cause !== "object" || cause === null || !("cert" in cause)) return "";
  const { cert } = cause;
  if (typeof cert !== "object" || cert === null || !("subjectaltname" in cert)) return "";
  return printable(String(cert.subjectaltname ?? "").replace(/\b(?:DNS|IP Address):/g, ""));
}

function codeOf(cause: unknown): string {
  if (typeof cause !== "object" || cause === null) return "";
  const code = "code" in cause ? String(cause.code) : "";
  // undici wraps some, and TCP to several addresses of a name fails with all of their errors in one.
  if (code.startsWith("UND_ERR_SOCKET") && "cause" in cause && cause.cause) return codeOf(cause.cause);
  if (code === "" && cause instanceof AggregateError) return codeOf(cause.errors[0]);
  return tlsCode(code);
}

function reasonOf(cause: unknown): string {
  const known = NETWORK[codeOf(cause)];
  if (known !== undefined) return known;
  return printable(cause instanceof Error ? cause.message : String(cause));
}
