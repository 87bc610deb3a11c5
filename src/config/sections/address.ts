/** `address`: where the server listens. */
import { isIP } from "node:net";
import type { Config } from "../config.js";
import { text } from "../schema.js";

export const addressSchema = text({
  default: "0.0.0.0:7373",
  description:
    "[ip]:port to listen on. Without ip: all interfaces, IPv4 and IPv6. The flag --addr of 'kes server' wins.",
});

/** A host and a port, or what is wrong with `text`. An IPv6 address stands in brackets: `[::1]:7373`. */
export function parseAddress(text: string): Config["address"] | { readonly fault: string } {
  const [, bracketed, bare, digits] = /^(?:\[([^\]]*)\]|([^:[\]]*)):([^:]*)$/.exec(text) ?? [];
  if (digits === undefined) {
    const colons = text.split(":").length - 1;
    const hint =
      colons > 1 ? "an IPv6 address needs brackets, for example [::1]:7373" : "the port is missing";
    return { fault: `'${text}' is not of the form [ip]:port; ${hint}` };
  }
  const port = /^\d{1,5}$/.test(digits) ? Number(digits) : Number.NaN;
  if (!(port <= 65_535)) return { fault: `'${digits}' is not a valid port; write a number from 0 to 65535` };
  const host = bracketed ?? bare ?? "";
  const family = isIP(host);
  const fits = host === "" || family === 4 || (family === 6 && bracketed !== undefined);
  if (!fits) return { fault: `'${host}' is not a valid IP address; write an IP address, no host name` };
  return { host, port };
}
