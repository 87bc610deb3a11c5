/** From flags and environment to a client of the SDK, for as long as a command needs it. */
import { resolve } from "node:path";
import type { KesClient } from "../../client/client.js";
import type { ClientOptions } from "../../client/options.js";
import { KesError, UsageError } from "../../errors.js";
import type { CommandContext } from "../command.js";
import { interruptible } from "../interrupt.js";
import { readCredentials } from "./credentials.js";
import { caOf, serversOf } from "./environment.js";
import type { About, Place } from "./explain.js";
import type { RemoteOptions } from "./options.js";

/** Of a call over all servers and repeats. */
const DEFAULT_TIMEOUT = "15s";

/** What a command does its calls with. */
export interface Remote {
  readonly client: KesClient;
  /** Aborted by Ctrl-C; for every call. */
  readonly signal: AbortSignal;
  /**
   * Runs a call.
   * @throws CommandError in place of a KesError: `what: message`, with hints at what to do about it
   */
  attempt<T>(about: About, call: () => Promise<T>): Promise<T>;
}

/**
 * Runs `work` with a client for the servers that flags and environment name; closes it whatever happens.
 * @throws Interrupted after Ctrl-C; CommandError and UsageError about flags, environment, files and passwords
 */
export async function withClient(
  context: CommandContext,
  options: RemoteOptions,
  work: (remote: Remote) => Promise<number | undefined>,
): Promise<number | undefined> {
  // Before signals are caught: reading a pipe as key file may take for ever, and Ctrl-C then ends the process.
  const settings = await settingsOf(context, options);
  return interruptible(async (signal) => {
    const client = await makeClient(context, options, settings, serversOf(options, context.env));
    const attempt: Remote["attempt"] = async (about, call) => {
      try {
        return await call();
      } catch (error) {
        if (!(error instanceof KesError)) throw error;
        throw await explain(error, about, { context, options, client, signal });
      }
    };
    try {
      return await work({ client, signal, attempt });
    } finally {
      await client.close();
    }
  });
}

/** One server to open a client for. */
export interface Peer {
  readonly endpoint: string;
  /** Connected to in place of what the endpoint's name resolves to. */
  readonly address?: string;
}

/** A client for each server, in their order, with the same credentials: what is asked is asked once. */
export async function openClients(
  context: CommandContext,
  options: RemoteOptions,
  peers: readonly Peer[],
): Promise<readonly KesClient[]> {
  const settings = await settingsOf(context, options);
  const clients: KesClient[] = [];
  try {
    for (const { endpoint, address } of peers)
      clients.push(await makeClient(context, options, settings, [endpoint], address));
  } catch (error) {
    await Promise.all(clients.map((client) => client.close()));
    throw error;
  }
  return clients;
}

type Settings = Omit<ClientOptions, "endpoints">;

async function settingsOf(context: CommandContext, options: RemoteOptions): Promise<Settings> {
  const timeoutMs = await timeoutOf(options.timeout);
  const ca = caOf(options, context.env);
  return {
    ...(await readCredentials(context, options)),
    ...(ca === undefined ? {} : { ca: resolve(context.cwd, ca) }),
    insecure: options.insecure,
    timeoutMs,
    environment: context.env,
  };
}

/** Loaded here: most calls succeed. */
async function explain(error: KesError, about: About, place: Place): Promise<Error> {
  return (await import("./explain.js")).explain(error, about, place);
}

async function makeClient(
  context: CommandContext,
  options: RemoteOptions,
  settings: Settings,
  endpoints: readonly string[],
  address?: string,
): Promise<KesClient> {
  // Loaded here: with undici it is the better part of what a command loads.
  const [{ KesClient }, { createTransport }] = await Promise.all([
    import("../../client/client.js"),
    import("../../client/http-transport.js"),
  ]);
  try {
    const all = { ...settings, endpoints };
    return new KesClient(all, address === undefined ? {} : { transport: createTransport(all, { address }) });
  } catch (error) {
    if (!(error instanceof KesError)) throw error;
    throw await explain(error, {}, { context, options });
  }
}

/** @param text - a Go duration; `0` for no limit. @returns milliseconds */
export async function timeoutOf(text: string = DEFAULT_TIMEOUT): Promise<number> {
  const { parseDuration, toMilliseconds } = await import("../../config/duration.js");
  const timeout = parseDuration(text);
  if (timeout !== undefined && timeout >= 0n) return Math.ceil(toMilliseconds(timeout));
  throw new UsageError(
    `invalid argument "${text}" for "--timeout" flag: ${timeout === undefined ? `time: invalid duration "${text}"` : "less than nothing"}`,
  );
}
