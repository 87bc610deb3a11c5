/** Ranges of addresses, as configurations name them: `10.0.0.0/8`, `192.0.2.7`, `2001:db8::/32`. */
import { isIP } from "node:net";
import type { AddressRange } from "../config.js";

/** A range, or what is wrong with `text`. An address alone is a range of one. */
export function parseRange(text: string): AddressRange | { readonly fault: string } {
  const [, address = "", digits] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const version = isIP(address);
  if (version === 0) {
    return { fault: `'${text}' is no address and no range; write for example 10.0.0.0/8 or 192.0.2.7` };
  }
  const most = version === 4 ? 32 : 128;
  const bits = digits === undefined ? most : Number(digits);
  if (bits > most) return { fault: `'${text}': a range of IPv${version} has at most ${most} bits` };
  return { address, bits, family: version === 4 ? "ipv4" : "ipv6" };
}
