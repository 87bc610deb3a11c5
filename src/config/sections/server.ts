/** `server`: how the server takes connections and runs. */
import type { Config, HttpEngine } from "../config.js";
import { duration, list, optionalText, section, text, type ValueOf } from "../schema.js";
import type { Scope } from "../scope.js";
import { parseAddress } from "./address.js";
import { parseRange } from "./range.js";

/** Who speaks HTTP where nobody says it; why: docs/performance.md, "Which engine". */
export const DEFAULT_HTTP_ENGINE: HttpEngine = "keswick";

export const serverSchema = section(
  {
    workers: text({
      default: "auto",
      description:
        "Worker processes, 1 to 256. auto: one for each core that the server may use. With 1 there is one process. " +
        "The flag --workers of 'kes server' wins. A change needs a restart.",
    }),
    watch: text({
      default: "certificates",
      enum: ["certificates", "all", "off"],
      description:
        "Files that are applied as soon as they change. certificates: those of the section tls. all: also this file, " +
        "policy documents and certificates of identities, by a reload. off: none; see SIGHUP and 'kes server reload'.",
    }),
    http: text({
      default: DEFAULT_HTTP_ENGINE,
      enum: ["keswick", "node"],
      description:
        "Who speaks HTTP on a connection. keswick: the server itself. node: the HTTP of Node.js, which costs two to " +
        "three times the CPU a request. A change needs a restart.",
    }),
    grace: duration({
      default: "10s",
      description: "At the end requests under way get this long for their answers; then connections are cut.",
      negative: "kesconf: invalid server grace '%d'",
    }),
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
    ...resolveWorkers(value.workers, scope.at("workers")),
    watch: value.watch === "all" || value.watch === "off" ? value.watch : "certificates",
    http: value.http === "node" ? "node" : DEFAULT_HTTP_ENGINE,
    graceMs: value.grace,
    proxyProtocol: resolveRanges(value.proxy_protocol, scope.at("proxy_protocol")),
    ...(health === undefined ? {} : { health }),
  };
}

/** Most worker processes: more than that is a slip. */
const MAX_WORKERS = 256;

/** The number of worker processes that `text` names, `auto`, or what is wrong with it. */
export function parseWorkers(text: string): number | "auto" | { readonly fault: string } {
  if (text === "auto") return "auto";
  const number = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (number >= 1 && number <= MAX_WORKERS) return number;
  return { fault: `'${text}' is no number of workers; write auto, or a number from 1 to ${MAX_WORKERS}` };
}

function resolveWorkers(text: string, at: Scope): Pick<Config["server"], "workers"> {
  const workers = parseWorkers(text);
  if (typeof workers === "number") return { workers };
  if (workers !== "auto") at.error(workers.fault);
  return {};
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
