/** Which proxy stands between, by `HTTPS_PROXY` and `NO_PROXY`, as Go's programs read them. */
import { BlockList, isIP } from "node:net";
import { KesError } from "../errors.js";
import type { Endpoint } from "./endpoints.js";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The proxy for `endpoint`, or undefined for a direct connection. This machine is never reached through a proxy.
 * @throws KesError `CLIENT_OPTIONS_INVALID` for a proxy that cannot be used
 */
export function proxyFor(endpoint: Endpoint, environment: Environment): URL | undefined {
  const text = environment.HTTPS_PROXY || environment.https_proxy;
  if (!text || isLoopback(endpoint.host)) return undefined;
  if (isExempt(endpoint, environment.NO_PROXY || environment.no_proxy || "")) return undefined;
  const address = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const url = URL.canParse(address) ? new URL(address) : undefined;
  // The value may hold a password: it is not quoted.
  if (url === undefined || !["http:", "https:"].includes(url.protocol)) {
    throw new KesError("CLIENT_OPTIONS_INVALID", [
      "HTTPS_PROXY is not the address of an http or https proxy",
    ]);
  }
  return url;
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

function isExempt({ host, port }: Endpoint, list: string): boolean {
  return list
    .split(",")
    .map((entry) => entry.trim().toLowerCase())
    .some((entry) => entry !== "" && matches(entry, host.toLowerCase(), port));
}

/** `*`, an address, a network `10.0.0.0/8`, `host` and what is below it, `.domain` or `*.domain`; `:port` may follow. */
function matches(entry: string, host: string, port: number): boolean {
  if (entry === "*") return true;
  const network = /^([0-9a-f.:]+)\/(\d{1,3})$/.exec(entry);
  if (network !== null) return contains(network[1] ?? "", Number(network[2]), host);
  const named = /^(.*?):(\d+)$/.exec(isIP(entry) === 6 ? "" : entry);
  if (named !== null && Number(named[2]) !== port) return false;
  const name = (named?.[1] ?? entry).replace(/^\[|\]$/g, "").replace(/^\*\./, ".");
  if (isIP(name) > 0 || isIP(host) > 0) return name === host;
  return name.startsWith(".") ? host.endsWith(name) : host === name || host.endsWith(`.${name}`);
}

function contains(network: string, length: number, host: string): boolean {
  const family = isIP(network);
  if (family === 0 || isIP(host) !== family || length > (family === 4 ? 32 : 128)) return false;
  const block = new BlockList();
  const type = family === 4 ? "ipv4" : "ipv6";
  block.addSubnet(network, length, type);
  return block.check(host, type);
}
