/**
 * Client certificates forwarded by a TLS proxy that the configuration trusts (KES reference §8).
 *
 * Only a connection that has itself proved to be a listed proxy is listened to. From everybody else the forwarding
 * headers are ignored, or refused where nobody but proxies should come. No header gets into a log.
 */
import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import type { ForwardingFormat } from "../config/config.js";
import { KesError } from "../errors.js";
import { inspectCertificate } from "../identity/certificate.js";
import type { Identity } from "../names.js";
import type { Exchange } from "./exchange.js";
import { readForwarded } from "./forwarded-certificate.js";
import type { Peer } from "./peer.js";

/** How forwarded certificates are read. */
export interface ProxySettings {
  readonly identities: ReadonlySet<Identity>;
  /** Lower-case header name. Without it a proxy that forwards is refused: nobody could tell its clients apart. */
  readonly certificateHeader: string | undefined;
  readonly format: ForwardingFormat;
  /** Whoever is no listed proxy is served routes that are open to everybody, and nothing else. */
  readonly only: boolean;
  /** Client certificates must be issued by one of these; absent when they are not verified. */
  readonly roots?: readonly X509Certificate[];
}

/** What of a request tells who it comes from. */
export type Origin = Pick<Exchange, "peer" | "header">;

/** How far a route may be used without a forwarded certificate. */
export interface Openness {
  /** By a proxy as itself. */
  readonly toProxies: boolean;
  /** By anybody. */
  readonly toAll: boolean;
}

/**
 * The client behind a proxy, or the peer itself when it is no proxy.
 *
 * @throws KesError `PROXY_CERTIFICATE_MISSING`, `PROXY_CERTIFICATE_AMBIGUOUS`, `PROXY_CERTIFICATE_INVALID`,
 * `NOT_AUTHORIZED`
 */
export function clientOf(origin: Origin, settings: ProxySettings | undefined, open: Openness): Peer {
  const { peer } = origin;
  if (settings === undefined) return peer;
  if (peer.identity === undefined || !settings.identities.has(peer.identity)) {
    if (settings.only) refuseStranger(origin, settings, open.toAll);
    return peer;
  }
  const { certificateHeader, format, roots } = settings;
  const values = certificateHeader === undefined ? [] : origin.header(certificateHeader);
  const [value] = values;
  if (value === undefined) {
    if (open.toProxies) return peer;
    throw new KesError("PROXY_CERTIFICATE_MISSING");
  }
  if (values.length > 1) throw new KesError("PROXY_CERTIFICATE_AMBIGUOUS");
  return { ip: forwardedIp(origin) ?? peer.ip, ...identityOf(readForwarded(value, format), roots) };
}

/** Headers in which proxies speak for their clients; the configured one comes on top. */
const FORWARDING_HEADERS = [
  "forwarded",
  "x-forwarded-for",
  "x-real-ip",
  "x-forwarded-client-cert",
  "client-cert",
  "client-cert-chain",
  "x-tls-client-cert",
  "x-ssl-client-cert",
];

/** @throws KesError `NOT_AUTHORIZED` */
function refuseStranger(origin: Origin, settings: ProxySettings, open: boolean): void {
  const { certificateHeader } = settings;
  const speaksForOthers =
    FORWARDING_HEADERS.some((name) => origin.header(name).length > 0) ||
    (certificateHeader !== undefined && origin.header(certificateHeader).length > 0);
  if (open && !speaksForOthers) return;
  const cause = new Error("access denied: not a listed proxy");
  throw new KesError("NOT_AUTHORIZED", [], { cause });
}

function identityOf(der: Uint8Array, roots: ProxySettings["roots"]): Omit<Peer, "ip"> {
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

const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";

function issuedByOneOf(certificate: X509Certificate, roots: readonly X509Certificate[]): boolean {
  const now = Date.now();
  if (Date.parse(certificate.validFrom) > now || Date.parse(certificate.validTo) < now) return false;
  const usages = certificate.keyUsage as readonly string[] | undefined;
  if (usages !== undefined && !usages.includes(CLIENT_AUTH)) return false;
  return roots.some((root) => certificate.checkIssued(root) && certificate.verify(root.publicKey));
}

/**
 * The last address of `X-Forwarded-For`, without port: the one that the listed proxy has written. Those before it may
 * be the client's own invention, since most proxies append to what they get.
 */
function forwardedIp(origin: Origin): string | undefined {
  const last = origin.header("x-forwarded-for").at(-1)?.split(",").at(-1)?.trim();
  if (last === undefined || last === "" || last === "unknown") return undefined;
  const bare = /^\[([^\]]+)\](?::\d+)?$/.exec(last)?.[1] ?? (/^([\d.]+):\d+$/.exec(last)?.[1] || last);
  return isIP(bare) ? bare : undefined;
}
