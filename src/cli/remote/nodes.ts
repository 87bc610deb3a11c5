/** The nodes behind the names of servers: of a name with several addresses, each address is a server of its own. */
import { isIP } from "node:net";
import type { Endpoint } from "../../client/endpoints.js";

/** One server to talk to. */
export interface Node {
  readonly endpoint: Endpoint;
  /** `host:port`, where host is the address if the endpoint's name has several. */
  readonly name: string;
  /** The one of several addresses; undefined where the endpoint is a single server anyway. */
  readonly address?: string;
}

/** The addresses of a name. Rejects when it has none. */
export type Lookup = (host: string) => Promise<readonly string[]>;

/** By the system's means: DNS, `/etc/hosts`. */
export const systemLookup: Lookup = async (host) => {
  const { lookup } = await import("node:dns/promises");
  return (await lookup(host, { all: true })).map(({ address }) => address);
};

/** A resolver that does not answer takes longer than anybody waits. */
const LOOKUP_MS = 5_000;

/** Each endpoint as one server. */
export function asNodes(endpoints: readonly Endpoint[]): Node[] {
  return endpoints.map((endpoint) => ({ endpoint, name: nameOf(endpoint.host, endpoint.port) }));
}

/**
 * Every address of every endpoint, in their order; what two names share counts once. A name that cannot be resolved
 * stays what it is, so that the connection to it tells why.
 */
export async function allNodes(endpoints: readonly Endpoint[], lookup: Lookup): Promise<Node[]> {
  const nodes = await Promise.all(endpoints.map((endpoint) => nodesOf(endpoint, lookup)));
  const found = new Map<string, Node>();
  for (const node of nodes.flat()) {
    // An API below a path, as of a balancer for several services, is another one than that beside it.
    const key = node.name + node.endpoint.prefix;
    if (!found.has(key)) found.set(key, node);
  }
  return [...found.values()];
}

async function nodesOf(endpoint: Endpoint, lookup: Lookup): Promise<Node[]> {
  const { host, port } = endpoint;
  // Of this machine 127.0.0.1 and ::1 are the same server, which may well listen on one of them alone.
  const isPlain = isIP(host) > 0 || host === "localhost" || host.endsWith(".localhost");
  const addresses = isPlain ? [] : [...new Set(await addressesOf(host, lookup))];
  if (addresses.length < 2) return asNodes([endpoint]);
  return addresses.map((address) => ({ endpoint, address, name: nameOf(address, port) }));
}

async function addressesOf(host: string, lookup: Lookup): Promise<readonly string[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<readonly string[]>((resolve) => {
    timer = setTimeout(() => resolve([]), LOOKUP_MS);
  });
  try {
    return await Promise.race([lookup(host), late]);
  } catch {
    return [];
  } finally {
    clearTimeout(timer);
  }
}

/** An address with a colon is IPv6. */
function nameOf(host: string, port: number): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
