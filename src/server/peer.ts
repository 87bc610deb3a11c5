/** Who is at the other end of a connection: computed once, when the handshake is done. */
import type { TLSSocket } from "node:tls";
import type { ErrorCode } from "../errors.js";
import { inspectCertificate } from "../identity/certificate.js";
import type { Identity } from "../names.js";

/** A connection's client. Exactly one of `identity` and `fault` is set. */
export interface Peer {
  /** Address without port, empty when it is already gone. */
  readonly ip: string;
  readonly identity?: Identity;
  /** Why there is no identity. */
  readonly fault?: ErrorCode;
}

/**
 * The identity of the first certificate, the one whose key the handshake has proved. KES took the only
 * certificate that was no CA, wherever it stood, so anybody could put another's certificate behind an own CA
 * certificate and become that other (reference §7.2).
 *
 * A resumed session carries the first certificate too. Certificates behind the first are seen only as far as
 * they form its issuer chain; others never count for anything.
 *
 * @param ip - the client's; behind a load balancer it is not the socket's
 */
export function peerOf(socket: TLSSocket, ip: string): Peer {
  const first = socket.getPeerCertificate(true);
  if (first?.raw === undefined) return { ip, fault: "CERTIFICATE_REQUIRED" };
  let certificate: ReturnType<typeof inspectCertificate>;
  try {
    certificate = inspectCertificate(first.raw);
  } catch {
    // TLS took it for a certificate, our stricter reader does not: nobody we could name.
    return { ip, fault: "CERTIFICATE_REQUIRED" };
  }
  if (certificate.isCa) return { ip, fault: "CERTIFICATE_REQUIRED" };
  if (hasSecondLeaf(first)) return { ip, fault: "CERTIFICATE_AMBIGUOUS" };
  return { ip, identity: certificate.identity };
}

type Detailed = ReturnType<TLSSocket["getPeerCertificate"]> & { readonly issuerCertificate?: Detailed };

/** Longest chain that is looked at. */
const MAX_CHAIN = 16;

function hasSecondLeaf(first: Detailed): boolean {
  let previous = first;
  for (let i = 0; i < MAX_CHAIN; i++) {
    const next = previous.issuerCertificate;
    // A self-signed certificate is its own issuer.
    if (next?.raw === undefined || next.raw.equals(previous.raw)) return false;
    try {
      if (!inspectCertificate(next.raw).isCa) return true;
    } catch {
      return true;
    }
    previous = next;
  }
  return false;
}

/** IPv4 clients of a dual-stack socket look like `::ffff:10.1.2.3`. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return "";
  return address.startsWith("::ffff:") ? address.slice(7) : address;
}
