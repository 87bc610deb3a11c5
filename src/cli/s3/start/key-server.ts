/** The key server beside an S3 server that was started without one: from a folder as `kes start` makes it. */
import { type ChildProcess, spawn } from "node:child_process";
import { extname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { KesClient } from "../../../client/index.js";
import { isKesError } from "../../../errors.js";
import { type CommandContext, CommandError } from "../../command.js";
import type { Layout } from "../../init/layout.js";

const START_TIMEOUT_MS = 30_000;
const PROBE_TIMEOUT_MS = 2_000;
const PROBE_EVERY_MS = 100;
const STOP_TIMEOUT_MS = 10_000;
/** Where node runs `kes` from: sources and compiled output alike. */
const KES = fileURLToPath(new URL(`../../main${extname(import.meta.url)}`, import.meta.url));

export interface KeyServerPlace {
  readonly layout: Layout;
  readonly host: string;
  readonly port: number;
}

export interface StartedKeyServer {
  readonly endpoint: string;
  /** Ends it, unless it ran before. */
  stop(): Promise<void>;
}

/**
 * Uses the key server that runs at that address, or starts one.
 * @throws CommandError when neither is possible
 */
export async function ensureKeyServer(
  place: KeyServerPlace,
  context: CommandContext,
): Promise<StartedKeyServer> {
  const endpoint = `https://${place.host.includes(":") ? `[${place.host}]` : place.host}:${place.port}`;
  if (await answers(endpoint, place.layout)) {
    context.output.note(`uses the key server that runs at ${endpoint}`);
    return { endpoint, stop: async () => undefined };
  }
  const child = start(place, context);
  const stop = (): Promise<void> => end(child);
  try {
    await ready(endpoint, place.layout, child);
  } catch (error) {
    await stop();
    throw error;
  }
  child.once("exit", () =>
    context.output.note("the key server has ended: objects under its keys are locked"),
  );
  context.output.note(`key server at ${endpoint}, keys in ${place.layout.keysDir}`);
  return {
    endpoint,
    async stop() {
      child.removeAllListeners("exit");
      await stop();
    },
  };
}

/** Whether a server is there that has this folder's certificate. */
async function answers(endpoint: string, { certFile, keyFile }: Layout): Promise<boolean> {
  const client = new KesClient({
    endpoints: endpoint,
    certificate: certFile.client,
    key: keyFile.client,
    ca: certFile.server,
    timeoutMs: PROBE_TIMEOUT_MS,
    environment: {},
  });
  try {
    await client.version();
    return true;
  } catch (error) {
    if (isKesError(error)) return false;
    throw error;
  } finally {
    await client.close();
  }
}

function start({ host, port }: KeyServerPlace, { cwd, env, output }: CommandContext): ChildProcess {
  // The S3 server's own secrets are none of its business.
  const inherited = Object.entries(env).filter(([name]) => !/^(?:MINIO_|S3_|AWS_)/.test(name));
  const child = spawn(process.execPath, [...process.execArgv, KES, "start", "--addr", `${host}:${port}`], {
    cwd,
    env: Object.fromEntries(inherited),
    // Ctrl-C reaches every process of a terminal; this one is ended after the requests that need it.
    detached: true,
    stdio: ["ignore", "ignore", "pipe"],
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    for (const line of text.split("\n"))
      if (line !== "") output.note(`key server: ${line.replace(/^kes: /, "")}`);
  });
  return child;
}

async function ready(endpoint: string, layout: Layout, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (performance.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) {
      throw new CommandError(`the key server at ${endpoint} did not start`, {
        hints: ["is the address in use? --key-server [IP]:PORT chooses another"],
      });
    }
    if (await answers(endpoint, layout)) return;
    await delay(PROBE_EVERY_MS);
  }
  throw new CommandError(`the key server at ${endpoint} does not answer`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
  });
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
  await ended;
  clearTimeout(timer);
}
