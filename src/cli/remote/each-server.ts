/** Commands that talk to each of several servers by itself, not to whichever of them answers. */
import type { KesClient } from "../../client/client.js";
import type { Endpoint } from "../../client/endpoints.js";
import { isKesError } from "../../errors.js";
import { type CommandContext, CommandError } from "../command.js";
import { interruptible } from "../interrupt.js";
import { openClients } from "./connect.js";
import { serversOf } from "./environment.js";
import { type About, explain } from "./explain.js";
import type { Lookup, Node } from "./nodes.js";
import type { RemoteOptions } from "./options.js";

/** Most servers at once: each is a connection, and a row on the screen. */
const MAX_SERVERS = 64;

/** What is asked of each of several servers. */
export type ServerClient = Pick<
  KesClient,
  "identity" | "reload" | "status" | "version" | "apis" | "metrics" | "auditLog" | "errorLog"
>;

/** One server and the client that talks to it alone. */
export interface Target {
  /** `host:port`. */
  readonly name: string;
  readonly client: ServerClient;
  /** What a call has thrown, for people: a CommandError with hints in place of a KesError. */
  explain(error: unknown, about: About): Promise<unknown>;
}

/** Which servers these are. */
export interface Which {
  /** Who says so, where it is neither flag nor environment. */
  readonly namedBy?: string | undefined;
  /** Every node: of a name with several addresses each of them. */
  readonly isAll?: boolean;
  /** Default: the system's. */
  readonly lookup?: Lookup;
}

/**
 * Runs `work` with a client for each server that flags and environment name; closes them whatever happens.
 * @throws Interrupted after Ctrl-C; CommandError and UsageError about flags, environment, files and passwords
 */
export async function withEachServer(
  context: CommandContext,
  options: RemoteOptions,
  work: (targets: readonly Target[], signal: AbortSignal) => Promise<number | undefined>,
  which: Which = {},
): Promise<number | undefined> {
  const endpoints = await endpointsOf(serversOf(options, context.env));
  return interruptible(async (signal) => {
    const nodes = await nodesOf(endpoints, which);
    const clients = await openClients(
      context,
      options,
      nodes.map(({ endpoint, address }) => ({
        endpoint: endpoint.url,
        ...(address === undefined ? {} : { address }),
      })),
    );
    const targets = nodes.flatMap(({ name, endpoint }, i): Target[] => {
      const client = clients[i];
      if (client === undefined) return [];
      const place = {
        ...{ context, client, signal, options, server: endpoint.url },
        ...(which.namedBy === undefined ? {} : { namedBy: which.namedBy }),
      };
      return [
        {
          ...{ name, client },
          explain: async (error, about) => (isKesError(error) ? explain(error, about, place) : error),
        },
      ];
    });
    try {
      return await work(targets, signal);
    } finally {
      await Promise.all(clients.map((client) => client.close()));
    }
  });
}

async function endpointsOf(servers: readonly string[]): Promise<readonly Endpoint[]> {
  const { parseEndpoints } = await import("../../client/endpoints.js");
  try {
    return limited(parseEndpoints(servers));
  } catch (error) {
    if (!isKesError(error)) throw error;
    throw new CommandError(error.message, { cause: error });
  }
}

async function nodesOf(endpoints: readonly Endpoint[], { isAll, lookup }: Which): Promise<readonly Node[]> {
  const { allNodes, asNodes, systemLookup } = await import("./nodes.js");
  return limited(isAll === true ? await allNodes(endpoints, lookup ?? systemLookup) : asNodes(endpoints));
}

function limited<T>(servers: readonly T[]): readonly T[] {
  if (servers.length > MAX_SERVERS) throw new CommandError(`more than ${MAX_SERVERS} servers`);
  return servers;
}
