/** How near an endpoint is (KES reference §12.4). */
import { lookup } from "node:dns/promises";
import { BlockList, isIP } from "node:net";
import { networkInterfaces } from "node:os";
import type { Clock } from "./clock.js";
import type { Endpoint } from "./endpoints.js";

/** 0: this machine; 1: a network that this machine is in; 2: elsewhere, or unknown. */
export type Nearness = 0 | 1 | 2;

const LOOKUP_MS = 2_000;

/** What the machine says about names and its own addresses. */
export interface Surroundings {
  /** The first address of a name. */
  resolve(host: string): Promise<string>;
  /** `address/prefix length` of every interface, for example `192.168.1.7/24`. */
  addresses(): readonly string[];
}

export const machineSurroundings: Surroundings = {
  resolve: async (host) => (await lookup(host)).address,
  addresses: () =>
    Object.values(networkInterfaces())
      .flatMap((list) => list ?? [])
      .flatMap(({ cidr }) => cidr ?? []),
};

/** Ranks one endpoint within 2 s; a name that cannot be resolved by then is far. Never throws. */
export async function nearnessOf(
  endpoint: Endpoint,
  { resolve, addresses }: Surroundings,
  clock: Clock,
): Promise<Nearness> {
  const { host } = endpoint;
  if (host === "localhost") return 0;
  const address = isIP(host) > 0 ? host : await within(resolve(host), clock);
  if (address === undefined) return 2;
  try {
    return nearnessOfAddress(address, addresses());
  } catch {
    // Where a sandbox forbids to list interfaces, and for addresses with a zone: an order, not a reason to fail.
    return 2;
  }
}

function nearnessOfAddress(address: string, own: readonly string[]): Nearness {
  const family = isIP(address) === 6 ? "ipv6" : "ipv4";
  const [machine, network] = [new BlockList(), new BlockList()];
  machine.addSubnet("127.0.0.0", 8, "ipv4");
  machine.addAddress("::1", "ipv6");
  for (const cidr of own) {
    const [ip = "", length = ""] = cidr.split("/");
    const type = isIP(ip) === 6 ? "ipv6" : "ipv4";
    if (isIP(ip) === 0) continue;
    machine.addAddress(ip, type);
    network.addSubnet(ip, Number(length), type);
  }
  if (machine.check(address, family)) return 0;
  return network.check(address, family) ? 1 : 2;
}

function within(work: Promise<string>, clock: Clock): Promise<string | undefined> {
  return new Promise((resolve) => {
    const cancel = clock.after(LOOKUP_MS, () => resolve(undefined));
    // A name that is not known now is only ranked last; whoever connects to it is told why it fails.
    const settle = (address?: string): void => {
      cancel();
      resolve(address);
    };
    work.then(settle, () => settle());
  });
}
