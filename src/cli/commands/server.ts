/** `kes server`: runs a key server. */
import { resolve } from "node:path";
import { CommandError, command } from "../command.js";
import { holdYoungGeneration } from "../server/young-generation.js";

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
    workers: {
      type: "string",
      value: "NUMBER",
      description: "Worker processes, whatever the configuration says; auto: one for each core",
    },
    "start-degraded": { type: "boolean", description: "Serve even when the keystore does not answer" },
    dev: { type: "boolean", description: "Development mode: keys in memory, on loopback, gone at the end" },
    key: { type: "string", value: "FILE", description: "No longer used", hidden: true },
    cert: { type: "string", value: "FILE", description: "No longer used", hidden: true },
    auth: { type: "string", value: "MODE", description: "No longer used", hidden: true },
  },
  args: [0, 0],
  examples: [
    "kes server --config kes-config.yml",
    "kes server --config kes-config.yml --check",
    "kes server --dev --addr 127.0.0.1:7373",
  ],

  async run({ options }, context) {
    for (const [flag, instead] of Object.entries(NO_LONGER)) {
      if (options[flag as keyof typeof NO_LONGER] === undefined) continue;
      context.output.note(`WARNING: '--${flag}' flag is deprecated and no longer honored. ${instead}`);
    }
    const { addr, check, config, dev, workers } = options;
    if (dev && config !== undefined) {
      throw new CommandError("'--config' flag is not supported in development mode");
    }
    if (!dev && config === undefined) {
      throw new CommandError("no configuration: give it with --config FILE, or use --dev");
    }
    const onListening = holdYoungGeneration();
    const { runCheck, runDev, runServer } = await import("../server/serve.js");
    if (config === undefined) return runDev(addr, context, onListening);
    const configFile = resolve(context.cwd, config);
    if (check) return runCheck(configFile, context);
    return runServer(
      {
        configFile,
        onListening,
        degraded: options["start-degraded"] === true,
        ...(addr === undefined ? {} : { addr }),
        ...(workers === undefined ? {} : { workers }),
      },
      context,
    );
  },
});
