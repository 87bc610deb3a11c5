/** What `kes server` runs. The one place where server, configuration and keystores are joined. */
import { keystores } from "../../../keystores/registry.js";
import { ErrorLog } from "../../audit/error-log.js";
import { LogHub } from "../../audit/hub.js";
import { lineWriter } from "../../audit/line-writer.js";
import type { Config } from "../../config/config.js";
import { secureRandom } from "../../crypto/random.js";
import { formatFault } from "../../errors.js";
import { banner } from "../../server/banner.js";
import { openKeystore, readingOf, tlsOf } from "../../server/build-state.js";
import type { ListenAt } from "../../server/listen-on.js";
import type { KeyServerOptions } from "../../server/server-options.js";
import { KeyServer } from "../../server/start.js";
import { TICKET_SECRET_BYTES } from "../../server/ticket-keys.js";
import type { Primary } from "../../server/workers/primary.js";
import type { CommandContext } from "../command.js";
import { buildInfo } from "../version.js";
import { parseAddress } from "./address.js";
import { readConfig, withAddress } from "./config-source.js";
import { inheritedSocket } from "./inherited-socket.js";
import { runUntilStopped, type Signalled } from "./lifecycle.js";
import { peersOf } from "./peers.js";
import { ServiceManager } from "./service-manager.js";
import { ReadFiles, type WatchOptions, watchFiles } from "./watch-files.js";
import { forkWorker, workersOf } from "./workers.js";

/** Runs a server until it is stopped. */
export type RunServer = (
  options: {
    readonly configFile: string;
    readonly addr?: string;
    /** As `--workers` has it. */
    readonly workers?: string;
    /** Serve before the keystore answers. */
    readonly degraded?: boolean;
    /** Called once, when connections are accepted and the banner is out. */
    readonly onListening?: (listen: { readonly host: string; readonly port: number }) => void;
  },
  context: CommandContext,
) => Promise<number | undefined>;

/** What is run, in one process or in several. */
interface Runnable extends Signalled {
  listen(at?: ListenAt): Promise<{ readonly address: string; readonly port: number }>;
  readonly isAlive: boolean;
  /** In force now. */
  readonly config: Config;
  readonly keystore: string;
}

/** Runs a server with a configuration file until it is stopped. */
export const runServer: RunServer = async (options, context) => {
  const { configFile, addr, degraded = false, onListening } = options;
  const read = new ReadFiles();
  const load = async (): Promise<Config> => {
    const sinceMs = Date.now();
    const config = await readConfig(configFile, context.env, keystores);
    await read.remember(config, sinceMs);
    for (const warning of config.warnings) context.output.note(`warning: ${formatFault(warning)}`);
    return withAddress(config, addr === undefined ? undefined : parseAddress(addr));
  };
  const config = await load();
  const workers = workersOf(config, options.workers);
  const parts = { ...common(), config, load, degraded };
  const server =
    workers === 1
      ? alone(
          await KeyServer.prepare({
            ...parts,
            open: (one, errorLog) => openKeystore(one, keystores, errorLog),
            peers: (log) => peersOf(log),
          }),
        )
      : await startWorkers({ ...parts, workers, fork: forkWorker });
  return serve(server, context, {
    loading: { load, read },
    workers,
    ...(onListening === undefined ? {} : { onListening }),
  });
};

/** Runs a server for development until it is stopped. */
export async function runDev(
  addr: string | undefined,
  context: CommandContext,
  onListening: () => void,
): Promise<number> {
  const { devSetup } = await import("./dev.js");
  const { openMemoryKeystore } = await import("../../../keystores/memory/index.js");
  const setup = devSetup(parseAddress(addr ?? "127.0.0.1:7373"));
  const server = await KeyServer.prepare({
    ...common(),
    config: setup.config,
    tls: setup.tls,
    open: async () => openMemoryKeystore(),
  });
  return serve(alone(server), context, { workers: 1, apiKey: setup.apiKey.toString(), onListening });
}

async function startWorkers(options: Parameters<typeof Primary.start>[0]): Promise<Runnable> {
  const { Primary } = await import("../../server/workers/primary.js");
  return Primary.start(options);
}

/** A server that is this process. */
function alone(server: KeyServer): Runnable {
  return {
    listen: (at) => server.listen(at),
    isAlive: true,
    reload: (load) => server.reload(load),
    refreshTls: (load) => server.refreshTls(load),
    rotateAudit: () => server.rotateAudit(),
    close: () => server.close(),
    get config() {
      return server.state.config;
    },
    get keystore() {
      return server.state.services.keys.description;
    },
  };
}

/** Loads everything, reaches the keystore, and says what was found. */
export async function runCheck(configFile: string, context: CommandContext): Promise<number> {
  const config = await readConfig(configFile, context.env, keystores);
  const errorLog = new ErrorLog(lineWriter(2), new LogHub(), {
    level: config.log.errorLevel,
    format: "text",
  });
  const { checkServer } = await import("./check.js");
  const { report, ok } = await checkServer(
    config,
    async () => tlsOf(await readingOf(config), secureRandom(TICKET_SECRET_BYTES)),
    () => openKeystore(config, keystores, errorLog),
  );
  context.output.data(report);
  return ok ? 0 : 1;
}

function common(): Pick<KeyServerOptions, "version" | "commit" | "stdout" | "stderr"> {
  return { ...buildInfo(), stdout: lineWriter(1), stderr: lineWriter(2) };
}

async function serve(
  server: Runnable,
  context: CommandContext,
  options: {
    readonly workers: number;
    readonly loading?: Pick<WatchOptions, "load" | "read">;
    readonly onListening?: (listen: { host: string; port: number }) => void;
    readonly apiKey?: string;
  },
): Promise<number> {
  const fd = inheritedSocket(context.env, process.pid);
  let { host } = server.config.address;
  let port: number;
  try {
    const bound = await server.listen(fd === undefined ? undefined : { fd });
    port = bound.port;
    if (fd !== undefined) host = bound.address;
  } catch (error) {
    await server.close();
    throw error;
  }
  const announce = (last: string): void => {
    const { config, keystore } = server;
    const facts = {
      ...buildInfo(),
      keystore,
      host,
      port,
      workers: options.workers,
      admin: config.admin.identity,
      errorLevel: config.log.errorLevel,
      auditLevel: config.log.auditLevel,
      ...(options.apiKey === undefined ? {} : { apiKey: options.apiKey }),
    };
    context.output.data(`${banner(facts)}\n${last}\n`);
  };
  context.output.outliveReader();
  const { loading } = options;
  const manager = new ServiceManager({
    ...{ env: context.env, pid: process.pid },
    warn: (message) => context.output.note(message),
  });
  // Before the banner: whoever reads it may send a signal at once, which without a handler would end the process.
  const stopped = runUntilStopped(server, {
    stopping: () => manager.stopping(),
    output: context.output,
    announce,
    ...(loading === undefined ? {} : { load: loading.load }),
  });
  manager.ready(() => server.isAlive);
  if (loading !== undefined) watchFiles(server, { ...loading, output: context.output });
  announce("=> Server is up and running...");
  if (process.versions.node.startsWith("20.")) {
    context.output.note("Node.js 20 has reached its end of life; Node.js 24 is recommended");
  }
  options.onListening?.({ host, port });
  return stopped;
}
