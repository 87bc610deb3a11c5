/** Who is at the other end of a connection, and whether nobody could listen in between. */
import type { IncomingMessage } from "node:http";
import { type BlockList, isIP, isIPv6 } from "node:net";
import { TLSSocket } from "node:tls";
import type { RequestHeaders } from "../s3/request-headers.js";

export interface Peer {
  /** Without `::ffff:`; empty when it has gone already. */
  readonly remote: string;
  readonly isSecure: boolean;
}

/**
 * Over TLS, or from a proxy that is trusted and says that its client came over TLS. From anybody else the headers
 * `X-Forwarded-*` mean nothing: otherwise whoever sends a key in the clear could say that he does not.
 */
export function peerOf(
  request: IncomingMessage,
  headers: RequestHeaders,
  trustedProxies: BlockList | undefined,
): Peer {
  const address = plain(request.socket.remoteAddress ?? "");
  const overTls = request.socket instanceof TLSSocket;
  if (trustedProxies === undefined || !isListed(trustedProxies, address)) {
    return { remote: address, isSecure: overTls };
  }
  // The last one was added by the proxy itself; the ones before may be anybody's.
  const client = plain((headers.get("x-forwarded-for") ?? "").split(",").at(-1)?.trim() ?? "");
  const scheme = headers.get("x-forwarded-proto")?.trim().toLowerCase();
  return { remote: isIP(client) === 0 ? address : client, isSecure: overTls || scheme === "https" };
}

function isListed(list: BlockList, address: string): boolean {
  return isIP(address) !== 0 && list.check(address, isIPv6(address) ? "ipv6" : "ipv4");
}

function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, "");
}
