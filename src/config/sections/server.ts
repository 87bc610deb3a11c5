/** `server`: how the server takes connections and runs. */
import type { Config } from "../config.js";
import { list, optionalText, section, type ValueOf } from "../schema.js";
import type { Scope } from "../scope.js";
import { parseAddress } from "./address.js";
import { parseRange } from "./range.js";

export const serverSchema = section(
  {
    proxy_protocol: list(
      optionalText({ description: "An address, or a range as address/bits." }),
      "Load balancers that pass TLS through and begin each connection with a header of the PROXY protocol (v1 or v2). " +
        "From these addresses the header is demanded, from all others it is refused.",
    ),
    health: section(
      {
        address: optionalText({
          description:
            "[ip]:port of a listener without TLS that answers /live and /ready and nothing else. Without it there is none.",
        }),
      },
      "Health checks of load balancers that have no client certificate.",
    ),
  },
  "How the server takes connections and runs.",
);

export function resolveServer(value: ValueOf<typeof serverSchema>, scope: Scope): Config["server"] {
  const health = resolveHealth(value.health.address, scope.at("health", "address"));
  return {
    proxyProtocol: resolveRanges(value.proxy_protocol, scope.at("proxy_protocol")),
    ...(health === undefined ? {} : { health }),
  };
}

function resolveHealth(text: string | undefined, at: Scope): Config["server"]["health"] {
  if (text === undefined) return undefined;
  const address = parseAddress(text);
  if (!("fault" in address)) return address;
  at.error(address.fault);
  return undefined;
}

function resolveRanges(
  values: readonly (string | undefined)[],
  scope: Scope,
): Config["server"]["proxyProtocol"] {
  return values.flatMap((value, index) => {
    const at = scope.at(index);
    const range = value === undefined ? undefined : parseRange(value);
    if (range !== undefined && !("fault" in range)) return [range];
    // Values that were refused already have their fault.
    if (at.ok) at.error(range?.fault ?? "an address is missing");
    return [];
  });
}
