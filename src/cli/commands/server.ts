/** `kes server`: runs a key server. The one place where server, configuration and keystores are joined. */
import { resolve } from "node:path";
import { openMemoryKeystore } from "../../../keystores/memory/index.js";
import { keystores } from "../../../keystores/registry.js";
import { ErrorLog } from "../../audit/error-log.js";
import { LogHub } from "../../audit/hub.js";
import { lineWriter } from "../../audit/line-writer.js";
import type { Config } from "../../config/config.js";
import { formatFault } from "../../errors.js";
import { banner } from "../../server/banner.js";
import { loadTlsOf, openKeystore } from "../../server/build-state.js";
import { KeyServer, type KeyServerOptions } from "../../server/start.js";
import { type CommandContext, CommandError, command } from "../command.js";
import { parseAddress } from "../server/address.js";
import { checkServer } from "../server/check.js";
import { readConfig, withAddress } from "../server/config-source.js";
import { devSetup } from "../server/dev.js";
import { runUntilStopped } from "../server/lifecycle.js";
import { buildInfo } from "../version.js";
import type { RunServer } from "./start.js";

const NO_LONGER = {
  key: "Specify the private key in the config file",
  cert: "Specify the certificate in the config file",
  auth: "Specify the client authentication in the config file",
} as const;

export const serverCommand = command({
  usage: "kes server [options]",
  description: "Runs a key server with the configuration FILE, or for development with keys in memory.",
  options: {
    addr: { type: "string", value: "[IP]:PORT", description: "Listen here, whatever the configuration says" },
    config: { type: "string", value: "FILE", description: "Configuration file" },
    check: {
      type: "boolean",
      description: "Load everything, reach the keystore, say what was found, and exit",
    },
    dev: { type: "boolean", description: "Development mode: keys in memory, on loopback, gone at the end" },
    key: { type: "string", value: "FILE", description: "No longer used", hidden: true },
    cert: { type: "string", value: "FILE", description: "No longer used", hidden: true },
    auth: { type: "string", value: "MODE", description: "No longer used", hidden: true },
  },
  args: [0, 0],

  async run({ options }, context) {
    for (const [flag, instead] of Object.entries(NO_LONGER)) {
      if (options[flag as keyof typeof NO_LONGER] === undefined) continue;
      context.output.note(`WARNING: '--${flag}' flag is deprecated and no longer honored. ${instead}`);
    }
    const { addr, check, config, dev } = options;
    if (dev && config !== undefined) {
      throw new CommandError("'--config' flag is not supported in development mode");
    }
    if (dev) return runDev(addr, context);
    if (config === undefined)
      throw new CommandError("no configuration: give it with --config FILE, or use --dev");
    const configFile = resolve(context.cwd, config);
    if (check) return runCheck(configFile, context);
    return runServer({ configFile, ...(addr === undefined ? {} : { addr }) }, context);
  },
});

/** Runs a server with a configuration file until it is stopped. */
export const runServer: RunServer = async ({ configFile, addr, onListening }, context) => {
  const load = async (): Promise<Config> => {
    const config = await readConfig(configFile, context.env, keystores);
    for (const warning of config.warnings) context.output.note(`warning: ${formatFault(warning)}`);
    return withAddress(config, addr === undefined ? undefined : parseAddress(addr));
  };
  const server = await KeyServer.prepare({
    ...common(),
    config: await load(),
    open: (config, errorLog) => openKeystore(config, keystores, errorLog),
  });
  return serve(server, context, { load, ...(onListening === undefined ? {} : { onListening }) });
};

async function runDev(addr: string | undefined, context: CommandContext): Promise<number> {
  const setup = devSetup(parseAddress(addr ?? "127.0.0.1:7373"));
  const server = await KeyServer.prepare({
    ...common(),
    config: setup.config,
    tls: setup.tls,
    open: async () => openMemoryKeystore(),
  });
  return serve(server, context, { apiKey: setup.apiKey.toString() });
}

async function runCheck(configFile: string, context: CommandContext): Promise<number> {
  const config = await readConfig(configFile, context.env, keystores);
  const errorLog = new ErrorLog(lineWriter(2), new LogHub(), {
    level: config.log.errorLevel,
    format: "text",
  });
  const { report, ok } = await checkServer(
    config,
    () => loadTlsOf(config, (scope) => Buffer.from(scope.padEnd(48)).subarray(0, 48)),
    () => openKeystore(config, keystores, errorLog),
  );
  context.output.data(report);
  return ok ? 0 : 1;
}

function common(): Pick<KeyServerOptions, "version" | "commit" | "stdout" | "stderr"> {
  return { ...buildInfo(), stdout: lineWriter(1), stderr: lineWriter(2) };
}

async function serve(
  server: KeyServer,
  context: CommandContext,
  options: {
    readonly load?: () => Promise<Config>;
    readonly onListening?: (listen: { host: string; port: number }) => void;
    readonly apiKey?: string;
  },
): Promise<number> {
  const { host } = server.state.config.address;
  let port: number;
  try {
    port = (await server.listen()).port;
  } catch (error) {
    await server.close();
    throw error;
  }
  const announce = (last: string): void => {
    const { config, services } = server.state;
    const facts = {
      ...buildInfo(),
      keystore: services.keys.description,
      host,
      port,
      admin: config.admin.identity,
      errorLevel: config.log.errorLevel,
      auditLevel: config.log.auditLevel,
      ...(options.apiKey === undefined ? {} : { apiKey: options.apiKey }),
    };
    context.output.data(`${banner(facts)}\n${last}\n`);
  };
  context.output.outliveReader();
  const { load } = options;
  // Before the banner: whoever reads it may send a signal at once, which without a handler would end the process.
  const stopped = runUntilStopped(server, {
    output: context.output,
    announce,
    ...(load === undefined ? {} : { load }),
  });
  announce("=> Server is up and running...");
  if (process.versions.node.startsWith("20.")) {
    context.output.note("Node.js 20 has reached its end of life; Node.js 24 is recommended");
  }
  options.onListening?.({ host, port });
  return stopped;
}
