/** Reads the PROXY header of a connection before TLS begins on it, from load balancers that are listed. */
import { BlockList, isIPv6, type Socket } from "node:net";
import type { AddressRange } from "../config/config.js";
import { type ProxyHeader, readProxyHeader } from "./proxy-header.js";

/** Which addresses send PROXY headers; undefined when there are none. */
export function headerSources(ranges: readonly AddressRange[]): BlockList | undefined {
  if (ranges.length === 0) return undefined;
  const list = new BlockList();
  for (const { address, bits, family } of ranges) list.addSubnet(address, bits, family);
  return list;
}

/** @param address - as a socket has it, without `::ffff:` */
export function isHeaderSource(sources: BlockList, address: string): boolean {
  return sources.check(address, isIPv6(address) ? "ipv6" : "ipv4");
}

/**
 * Reads the header and leaves what follows it on `socket`. `done` is called once, and with a reason where there is no
 * header; not at all when `socket` is destroyed first. Time is the caller's affair.
 */
export function takeProxyHeader(socket: Socket, done: (header: ProxyHeader | string) => void): void {
  let received: Buffer = Buffer.alloc(0);
  const finish = (result: ProxyHeader | string): void => {
    socket.off("readable", onReadable);
    socket.off("end", onEnd);
    done(result);
  };
  const onReadable = (): void => {
    const chunk: unknown = socket.read();
    if (!Buffer.isBuffer(chunk)) return;
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    const result = readProxyHeader(received);
    if (result === "malformed") return finish("no valid PROXY header");
    if (result === "more") return;
    const rest = received.subarray(result.length);
    if (rest.length > 0) socket.unshift(rest);
    finish(result);
  };
  const onEnd = (): void => finish("the connection ended within the PROXY header");
  socket.on("readable", onReadable);
  socket.once("end", onEnd);
}
