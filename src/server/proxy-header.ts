/**
 * The header of the PROXY protocol, versions 1 and 2, as pure bytes: what a load balancer that passes TCP through puts
 * in front of a connection to say whose it is (HAProxy's proxy-protocol.txt).
 */
import { isIPv4, isIPv6 } from "node:net";

/** A whole header. */
export interface ProxyHeader {
  /** Bytes up to the first one of the client's. */
  readonly length: number;
  /** The client; absent when the load balancer speaks for itself (health checks) or cannot tell. */
  readonly client?: { readonly ip: string; readonly port: number };
}

/** `more`: what is there so far may become a header. `malformed`: it never will. */
export type HeaderResult = ProxyHeader | "more" | "malformed";

/** Longest header of version 1 in bytes, its CRLF included. */
const MAX_V1 = 107;
/** Most bytes behind the fixed part of version 2: addresses, and extensions (TLVs), which are skipped. */
const MAX_V2_BODY = 4096;

const V1_START = Buffer.from("PROXY ");
const V2_START = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");

/** Reads the header at the start of `bytes`. */
export function readProxyHeader(bytes: Buffer): HeaderResult {
  const start = bytes[0] === V2_START[0] ? V2_START : V1_START;
  const shared = Math.min(bytes.length, start.length);
  // Judged from the first byte on, so that a client without header does not have to wait for its refusal.
  if (bytes.compare(start, 0, shared, 0, shared) !== 0) return "malformed";
  if (bytes.length < start.length) return "more";
  return start === V1_START ? readV1(bytes) : readV2(bytes);
}

function readV1(bytes: Buffer): HeaderResult {
  const end = bytes.subarray(0, MAX_V1).indexOf("\r\n");
  if (end < 0) return bytes.length < MAX_V1 ? "more" : "malformed";
  const line = bytes.toString("latin1", 0, end);
  const length = end + 2;
  // Whatever stands behind it is to be ignored.
  if (/^PROXY UNKNOWN(?: |$)/.test(line)) return { length };
  const [, version, ip = "", to = "", port = "", toPort = ""] =
    /^PROXY TCP([46]) ([\dA-Fa-f:.]+) ([\dA-Fa-f:.]+) (\d{1,5}) (\d{1,5})$/.exec(line) ?? [];
  const isAddress = version === "4" ? isIPv4 : isIPv6;
  if (version === undefined || !isAddress(ip) || !isAddress(to) || !isPort(port) || !isPort(toPort))
    return "malformed";
  return { length, client: { ip, port: Number(port) } };
}

function isPort(digits: string): boolean {
  return Number(digits) <= 65_535 && (digits === "0" || !digits.startsWith("0"));
}

const VERSION_2_LOCAL = 0x20;
const VERSION_2_PROXY = 0x21;
const UNSPECIFIED = 0x00;
const TCP_IPV4 = 0x11;
const TCP_IPV6 = 0x21;
const UNIX_STREAM = 0x31;
/** Bytes of the two addresses and ports, by family. */
const ADDRESS_BYTES: ReadonlyMap<number, number> = new Map([
  [UNSPECIFIED, 0],
  [TCP_IPV4, 12],
  [TCP_IPV6, 36],
  [UNIX_STREAM, 216],
]);

/** Signature (12) || version and command (1) || family and transport (1) || length (2) || addresses || TLVs */
function readV2(bytes: Buffer): HeaderResult {
  if (bytes.length < 16) return "more";
  const command = bytes[12];
  const family = bytes[13] ?? 0;
  const bodyBytes = bytes.readUInt16BE(14);
  if (command !== VERSION_2_LOCAL && command !== VERSION_2_PROXY) return "malformed";
  if (bodyBytes > MAX_V2_BODY) return "malformed";
  const length = 16 + bodyBytes;
  // The family of a LOCAL connection says nothing, and its addresses are to be ignored.
  const needed = command === VERSION_2_LOCAL ? 0 : ADDRESS_BYTES.get(family);
  if (needed === undefined || bodyBytes < needed) return "malformed";
  if (bytes.length < length) return "more";
  if (command === VERSION_2_LOCAL) return { length };
  if (family === TCP_IPV4) {
    return { length, client: { ip: bytes.subarray(16, 20).join("."), port: bytes.readUInt16BE(24) } };
  }
  if (family === TCP_IPV6) {
    return { length, client: { ip: ipv6(bytes.subarray(16, 32)), port: bytes.readUInt16BE(48) } };
  }
  return { length };
}

/** As Node writes the addresses of its own connections (RFC 5952). */
function ipv6(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(at * 2).toString(16));
  // The URL parser knows the rules for runs of zeros.
  const { hostname } = new URL(`http://[${groups.join(":")}]`);
  const mapped = bytes.subarray(0, 12).equals(MAPPED_IPV4);
  return mapped ? `::ffff:${bytes.subarray(12).join(".")}` : hostname.slice(1, -1);
}

const MAPPED_IPV4 = Buffer.from("00000000000000000000ffff", "hex");
