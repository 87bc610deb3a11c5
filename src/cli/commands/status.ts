/** `kes status`: how servers are doing. */
import { CommandError, command } from "../command.js";
import { remoteOptions } from "../remote/options.js";
import { printJson } from "../remote/print.js";
import type { ServerReport } from "../status/report.js";
import { colorOption, styleOf } from "../style.js";

// `-s` is short for `--short` here, as in KES.
const { short: _, ...serverOption } = remoteOptions.server;

export const statusCommand = command({
  usage: "kes status [-k] [-s] [--all] [--api] [--json] [SERVER...]",
  description:
    "Shows version, uptime, latency, memory and keystore of each server, and certificates that end soon. " +
    "Fails when one of several does not answer; the others are shown nevertheless. With --all a row for each node " +
    "of a cluster: of all servers named, and of all addresses of a name.",
  options: {
    ...remoteOptions,
    server: serverOption,
    all: { type: "boolean", description: "Every node, also each address that a name resolves to" },
    short: { type: "boolean", short: "s", description: "One line for each server" },
    api: { type: "boolean", description: "List the routes of the API as well" },
    json: {
      type: "boolean",
      description:
        "A JSON object (with --api an array); of several servers, and with --all, one object a line, with 'server'",
    },
    color: colorOption,
  },
  args: [0, 64],
  examples: ["kes status", "kes status --all", "kes status --api", "kes status --json"],

  async run({ args, options }, context) {
    const style = styleOf(context.output, options.color);
    const [{ withEachServer }, { reportOf }] = await Promise.all([
      import("../remote/each-server.js"),
      import("../status/report.js"),
    ]);
    const isNamed = args.length > 0;
    const servers = { ...options, server: isNamed ? args : options.server };
    const work: Parameters<typeof withEachServer>[2] = async (targets, signal) => {
      const questions = { status: !options.json || !options.api, apis: options.api };
      const reports = await Promise.all(targets.map((target) => reportOf(target, questions, signal)));
      const failure = failureOf(reports);
      const [only] = reports;
      const isOne = reports.length === 1 && !options.all;
      if (isOne && failure !== undefined && only?.status === undefined) throw failure;
      const width = context.output.isStdoutTerminal ? context.output.size.columns : undefined;
      const text = { style, width, short: options.short, nowMs: Date.now() };
      if (options.json) {
        const { jsonOf } = await import("../status/json.js");
        for (const value of jsonOf(reports, options.all)) printJson(context.output, value);
      } else if (options.all && !options.short && !options.api) {
        const { overviewLines } = await import("../status/overview.js");
        context.output.data(`${overviewLines(reports, text).join("\n")}\n`);
      } else {
        const { reportLines } = await import("../status/text.js");
        const blocks = reports.map((report) => `${reportLines(report, text).join("\n")}\n`);
        context.output.data(blocks.join(options.short ? "" : "\n"));
      }
      if (failure !== undefined) throw failure;
      return undefined;
    };
    return withEachServer(context, servers, work, {
      namedBy: isNamed ? "the command line" : undefined,
      isAll: options.all,
    });
  },
});

/** Of a single server its own failure; of several, which of them failed: why stands beside each. */
function failureOf(reports: readonly ServerReport[]): CommandError | undefined {
  const failed = reports.filter(({ failure }) => failure !== undefined);
  const [first] = failed;
  if (first?.failure === undefined) return undefined;
  if (reports.length === 1) return new CommandError(first.failure.message, { hints: first.failure.hints });
  const names = failed.map(({ server }) => server).join(", ");
  const hints = new Set(failed.flatMap(({ failure }) => failure?.hints ?? []));
  return new CommandError(`${failed.length} of ${reports.length} servers failed to answer: ${names}`, {
    hints: [...hints],
  });
}
