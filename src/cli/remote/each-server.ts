/** Commands that talk to each of several servers by itself, not to whichever of them answers. */
import type { KesClient } from "../../client/client.js";
import { isKesError } from "../../errors.js";
import { type CommandContext, CommandError } from "../command.js";
import { interruptible } from "../interrupt.js";
import { openClients } from "./connect.js";
import { serversOf } from "./environment.js";
import { type About, explain } from "./explain.js";
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

/**
 * Runs `work` with a client for each server that flags and environment name; closes them whatever happens.
 * @param namedBy - who says which servers, where it is neither flag nor environment
 * @throws Interrupted after Ctrl-C; CommandError and UsageError about flags, environment, files and passwords
 */
export async function withEachServer(
  context: CommandContext,
  options: RemoteOptions,
  work: (targets: readonly Target[], signal: AbortSignal) => Promise<number | undefined>,
  namedBy?: string,
): Promise<number | undefined> {
  const endpoints = await endpointsOf(serversOf(options, context.env));
  return interruptible(async (signal) => {
    const clients = await openClients(
      context,
      options,
      endpoints.map(({ url }) => url),
    );
    const targets = endpoints.flatMap(({ url, host, port }, i): Target[] => {
      const client = clients[i];
      if (client === undefined) return [];
      // An address with a colon is IPv6.
      const name = `${host.includes(":") ? `[${host}]` : host}:${port}`;
      const place = {
        ...{ context, client, signal, options, server: url },
        ...(namedBy === undefined ? {} : { namedBy }),
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

async function endpointsOf(servers: readonly string[]) {
  const { parseEndpoints } = await import("../../client/endpoints.js");
  try {
    const endpoints = parseEndpoints(servers);
    if (endpoints.length > MAX_SERVERS) throw new CommandError(`more than ${MAX_SERVERS} servers`);
    return endpoints;
  } catch (error) {
    if (!isKesError(error)) throw error;
    throw new CommandError(error.message, { cause: error });
  }
}
