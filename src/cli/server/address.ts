/** `[IP]:PORT` as `--addr` and the configuration write it (KES configuration §5). */
import { isIP } from "node:net";
import { UsageError } from "../../errors.js";

/** @throws UsageError that says what is wrong with `text` */
export function parseAddress(text: string): { host: string; port: number } {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(text.trim());
  if (match === null) throw new UsageError(`'${text}' is not an address: write [IP]:PORT or :PORT`);
  const host = match[1] ?? match[2] ?? "";
  const port = Number(match[3]);
  if (host !== "" && isIP(host) === 0) throw new UsageError(`'${host}' is not a valid IP address`);
  if (port > 65_535) throw new UsageError(`'${port}' is not a valid port`);
  return { host, port };
}
