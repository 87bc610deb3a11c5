/** `kes start`: from nothing to a running server and the lines to use it. What `npm start` runs. */
import { hostname } from "node:os";
import { dirname, join, resolve } from "node:path";
import { type Command, type CommandContext, CommandError, command } from "../command.js";
import {
  auditPathsOf,
  CONFIG_NAME,
  exists,
  type Layout,
  layoutOf,
  PROJECT_FOLDER,
  surveyOf,
} from "../init/layout.js";
import { type ListenAddress, quickstart } from "../quickstart.js";
import type { RunServer } from "../server/serve.js";
import { holdYoungGeneration } from "../server/young-generation.js";

/** The command, given how to come by a server. */
export function startCommandWith(loadServer: () => Promise<RunServer>): Command {
  return command({
    usage: "kes start [--config FILE] [--addr [IP]:PORT]",
    description:
      `Starts a server with FILE (default ${CONFIG_NAME}) and shows how to use it. ` +
      `On the first start it makes the folder ${PROJECT_FOLDER} as kes init does.`,
    options: {
      config: { type: "string", value: "FILE", description: `Configuration (default ${CONFIG_NAME})` },
      addr: {
        type: "string",
        value: "[IP]:PORT",
        description: "Listen here, whatever the configuration says",
      },
    },
    args: [0, 0],
    examples: ["kes start", "kes start --addr 127.0.0.1:7373"],

    async run({ options }, context) {
      const { configFile, layout } = await placesOf(options.config, context.cwd);
      if (layout !== undefined) await ensureFolder(layout, context);
      const letGrow = holdYoungGeneration();
      const onListening = (listen: ListenAddress): void => {
        letGrow();
        if (layout === undefined) return;
        context.output.data(quickstart(pathsFor(layout), listen));
      };
      const { addr } = options;
      const runServer = await loadServer();
      return runServer({ configFile, onListening, ...(addr === undefined ? {} : { addr }) }, context);
    },
  });
}

export const startCommand = startCommandWith(async () => (await import("../server/serve.js")).runServer);

/**
 * The configuration and the folder with its credentials: `.keswick` beside the configuration, or the
 * configuration's own folder when `kes init` made it. A configuration from elsewhere has no such folder.
 */
export async function placesOf(
  config: string | undefined,
  cwd: string,
): Promise<{ configFile: string; layout?: Layout }> {
  const configFile = resolve(cwd, config ?? CONFIG_NAME);
  if (await exists(configFile)) {
    const own = await layoutOf(dirname(configFile));
    if (own.config?.file === configFile && (await isComplete(own))) {
      return { configFile, layout: own };
    }
    // The paths of a configuration are relative to the working directory, so only there is `.keswick` its folder.
    if (dirname(configFile) !== resolve(cwd)) return { configFile };
    return { configFile, layout: await layoutOf(join(cwd, PROJECT_FOLDER)) };
  }
  if (config !== undefined) throw new CommandError(`open ${config}: no such file or directory`);
  const layout = await layoutOf(join(cwd, PROJECT_FOLDER));
  return { configFile: layout.config?.file ?? configFile, layout };
}

/** True when a server can start from it, whichever version has made it. */
async function isComplete(layout: Layout): Promise<boolean> {
  const spare = auditPathsOf(layout);
  return (await surveyOf(layout)).missing.every((path) => spare.includes(path));
}

/** Makes what is missing of the folder that a server starts from, or sees that it can be used. @throws CommandError */
export async function ensureFolder(layout: Layout, context: CommandContext): Promise<void> {
  const { makeFolder, policyText, readFolder } = await import("../init/folder.js");
  if (await isComplete(layout)) {
    await readFolder(layout);
    return;
  }
  const { expiryOf, namesOf } = await import("../init/names.js");
  const names = namesOf({ ip: [], dns: [], hostname: hostname() });
  const result = await makeFolder(layout, {
    ...names,
    expiryMs: expiryOf(),
    nowMs: Date.now(),
    policyText,
  });
  context.output.note(`initialised ${layout.dir}`);
  context.output.note(`admin ${result.certificates.admin.identity}`);
  context.output.note(`client ${result.certificates.client.identity} (policy 'minio')`);
}

function pathsFor({ keyFile, certFile }: Layout): Parameters<typeof quickstart>[0] {
  return {
    serverCert: certFile.server,
    adminKey: keyFile.admin,
    adminCert: certFile.admin,
    clientKey: keyFile.client,
    clientCert: certFile.client,
  };
}
