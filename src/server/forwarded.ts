/**
 * Client certificates forwarded by a TLS proxy that the configuration trusts (KES reference §8).
 *
 * Only a connection that has itself proved to be a listed proxy is listened to; from everybody else the
 * forwarding headers are ignored.
 */
import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { KesError } from "../errors.js";
import { inspectCertificate } from "../identity/certificate.js";
import type { Identity } from "../names.js";
import type { Exchange } from "./exchange.js";
import type { Peer } from "./peer.js";

/** How forwarded certificates are read. */
export interface ProxySettings {
  readonly identities: ReadonlySet<Identity>;
  /** Lower-case header name. */
  readonly certificateHeader: string;
  /** Client certificates must be issued by one of these; absent when they are not verified. */
  readonly roots?: readonly X509Certificate[];
}

/** Longest header value that is decoded; a PEM certificate of an RSA-8192 key stays below 10 KiB. */
const MAX_HEADER = 32 * 1024;

/** What of a request tells who it comes from. */
export type Origin = Pick<Exchange, "peer" | "header">;

/**
 * The client behind a proxy, or the peer itself when it is no proxy.
 *
 * @param optional - the route may be used by the proxy as itself when it forwards no certificate
 * @throws KesError `PROXY_CERTIFICATE_MISSING`, `PROXY_CERTIFICATE_AMBIGUOUS`, `PROXY_CERTIFICATE_INVALID`
 */
export function clientOf(exchange: Origin, settings: ProxySettings | undefined, optional: boolean): Peer {
  const { peer } = exchange;
  if (settings === undefined || peer.identity === undefined || !settings.identities.has(peer.identity))
    return peer;
  const values = exchange.header(settings.certificateHeader);
  const [value] = values;
  if (value === undefined) {
    if (optional) return peer;
    throw new KesError("PROXY_CERTIFICATE_MISSING");
  }
  // HTTP/2 joins repeated headers by a comma, which no encoding of a certificate holds.
  if (values.length > 1 || value.includes(",")) throw new KesError("PROXY_CERTIFICATE_AMBIGUOUS");
  return { ip: forwardedIp(exchange) ?? peer.ip, ...identityOf(value, settings.roots) };
}

function identityOf(value: string, roots: ProxySettings["roots"]): Omit<Peer, "ip"> {
  const der = decodeHeader(value);
  try {
    const info = inspectCertificate(der);
    if (info.isCa) return { fault: "CERTIFICATE_REQUIRED" };
    if (roots !== undefined && !issuedByOneOf(new X509Certificate(der), roots))
      throw new KesError("NOT_AUTHORIZED");
    return { identity: info.identity };
  } catch (error) {
    if (error instanceof KesError) throw error;
    throw new KesError("PROXY_CERTIFICATE_INVALID", [], { cause: error });
  }
}

/** URL-escaped PEM as nginx's `$ssl_client_escaped_cert` sends it. Text behind the first block is ignored. */
function decodeHeader(value: string): Buffer {
  if (value.length > MAX_HEADER) throw new KesError("PROXY_CERTIFICATE_INVALID");
  let text: string;
  try {
    // A `+` stays a plus: base64 holds it, and encoders that mean a space by it write %20 inside PEM headers.
    text = decodeURIComponent(value);
  } catch (cause) {
    throw new KesError("PROXY_CERTIFICATE_INVALID", [], { cause });
  }
  const block = /^\s*-----BEGIN[ +]CERTIFICATE-----([\sA-Za-z0-9+/=]+?)-----END[ +]CERTIFICATE-----/.exec(
    text,
  )?.[1];
  if (block === undefined) throw new KesError("PROXY_CERTIFICATE_INVALID");
  return Buffer.from(block.replace(/\s/g, ""), "base64");
}

const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";

function issuedByOneOf(certificate: X509Certificate, roots: readonly X509Certificate[]): boolean {
  const now = Date.now();
  if (Date.parse(certificate.validFrom) > now || Date.parse(certificate.validTo) < now) return false;
  const usages = certificate.keyUsage as readonly string[] | undefined;
  if (usages !== undefined && !usages.includes(CLIENT_AUTH)) return false;
  return roots.some((root) => certificate.checkIssued(root) && certificate.verify(root.publicKey));
}

/** First address of `X-Forwarded-For`, without port. */
function forwardedIp(exchange: Origin): string | undefined {
  const first = exchange.header("x-forwarded-for")[0]?.split(",", 1)[0]?.trim();
  if (first === undefined || first === "" || first === "unknown") return undefined;
  const bare = /^\[([^\]]+)\](?::\d+)?$/.exec(first)?.[1] ?? (/^([\d.]+):\d+$/.exec(first)?.[1] || first);
  return isIP(bare) ? bare : undefined;
}
