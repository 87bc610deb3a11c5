/** `kes log`: the audit or the error log of servers, as it happens. */
import type { LogOptions } from "../../client/types.js";
import { UsageError } from "../../errors.js";
import { type CommandContext, CommandError, command, EXIT } from "../command.js";
import { eventFilter } from "../log/filter.js";
import type { Patience } from "../log/follow.js";
import { auditJson, errorJson } from "../log/json.js";
import { errorRow, type LogLayout, logHeader, logLayout, logRow } from "../log/rows.js";
import { countOf } from "../positive.js";
import type { ServerClient, Target } from "../remote/each-server.js";
import { type RemoteOptions, remoteOptions } from "../remote/options.js";
import { type Style, styleOf } from "../style.js";

const filters = {
  identity: {
    type: "list",
    value: "IDENTITY",
    description: "These callers alone: identities or their beginnings, 'none' for those without",
  },
  path: {
    type: "list",
    value: "PATTERN",
    description: "These paths alone, as policies write them: '/v1/key/decrypt/*'",
  },
  status: {
    type: "list",
    value: "STATUS",
    description: "These answers alone: 403, 4xx, '>=400', '!200'",
  },
} as const;

/** Over so long events of several nodes are put in order. */
const HOLD_MS = 500;

export const logCommand = command({
  usage: "kes log [-k] [--all] [--audit | --error] [--json] [FILTERS]",
  description:
    "Follows the audit log, or the error log, of one or several servers until Ctrl-C. " +
    "Filters may be repeated: an event must fit one value of each. A lost connection is made again, with a note. " +
    "With --all the logs of every node of a cluster in one, by time: of all servers named, and of all addresses of " +
    "a name; a node that is down is named, and followed once it is up.",
  options: {
    ...remoteOptions,
    all: { type: "boolean", description: "Every node, also each address that a name resolves to" },
    audit: { type: "boolean", description: "The audit log: one event for each request (default)" },
    error: { type: "boolean", description: "The error log" },
    json: {
      type: "boolean",
      description: "One JSON object a line; of several servers, and with --all, with 'server'",
    },
    ...filters,
    count: { type: "string", short: "n", value: "N", description: "End after N events" },
  },
  args: [0, 0],
  examples: [
    "kes log --status '>=400'",
    "kes log --path '/v1/key/create/*,/v1/key/delete/*' --json",
    "kes log --error",
    "kes log --all --count 100",
  ],

  async run({ options }, context) {
    if (options.audit && options.error) {
      throw new UsageError("cannot display audit and error logs at the same time");
    }
    const count = countOf("count", options.count);
    const passes = eventFilter(options);
    const how = { ...options, count, json: options.json };
    if (!options.error) {
      return printLog(context, how, {
        path: "/v1/log/audit",
        hasHeader: true,
        open: (client, opened) => client.auditLog(opened),
        passes,
        row: logRow,
        json: auditJson,
        timeOf: ({ time }) => Date.parse(time),
      });
    }
    const filter = (["identity", "path", "status"] as const).find((name) => options[name].length > 0);
    if (filter !== undefined) throw new UsageError(`'--${filter}' filters the audit log alone`);
    return printLog(context, how, {
      path: "/v1/log/error",
      hasHeader: false,
      open: (client, opened) => client.errorLog(opened),
      passes: () => true,
      row: errorRow,
      json: errorJson,
      // As text or as JSON.
      timeOf: ({ message }) => Date.parse(/^(?:time=|\{"time":")([^\s"]+)/.exec(message)?.[1] ?? ""),
    });
  },
});

/** One of the two logs. */
interface Log<T> {
  /** What the caller must be allowed. */
  readonly path: string;
  readonly hasHeader: boolean;
  readonly open: (client: ServerClient, options: LogOptions) => AsyncIterable<T>;
  readonly passes: (event: T) => boolean;
  readonly row: (layout: LogLayout, style: Style, event: T, server: string) => string;
  readonly json: (event: T, server?: string) => string;
  /** Milliseconds since 1970; NaN where it does not tell. */
  readonly timeOf: (event: T) => number;
}

interface PrintOptions extends RemoteOptions {
  readonly json: boolean;
  readonly all: boolean;
  readonly count: number | undefined;
}

async function printLog<T>(
  context: CommandContext,
  options: PrintOptions,
  log: Log<T>,
): Promise<number | undefined> {
  const { output } = context;
  const [{ withEachServer }, { follow }, { TimeOrder }, { systemClock }] = await Promise.all([
    import("../remote/each-server.js"),
    import("../log/follow.js"),
    import("../log/time-order.js"),
    import("../../client/clock.js"),
  ]);
  const work: Parameters<typeof withEachServer>[2] = async (targets, signal) => {
    const names = targets.map(({ name }) => name);
    const isOne = names.length === 1;
    const style = styleOf(output);
    // Asked anew for each row: a window that was made wider shows more from then on.
    const layout = () => logLayout(output.isStdoutTerminal ? output.size.columns : undefined, names);
    const text = (event: T, name: string): string =>
      options.json
        ? log.json(event, isOne && !options.all ? undefined : name)
        : log.row(layout(), style, event, name);
    let left = options.count ?? Number.POSITIVE_INFINITY;
    let refusals = 0;
    const enough = new AbortController();
    const print = ({ event, name }: { readonly event: T; readonly name: string }): void => {
      if (left > 0) output.data(`${text(event, name)}\n`);
      left--;
      if (left <= 0) enough.abort();
    };
    const order = new TimeOrder(options.all && !isOne ? HOLD_MS : 0, systemClock, print);
    const say = async (error: unknown, target: Target, note: (message: string) => string) => {
      const explained = await target.explain(error, { path: log.path });
      if (isOne || !(explained instanceof CommandError)) throw explained;
      output.note(`${target.name}: ${note(explained.message)}`);
      for (const hint of explained.hints) output.note(hint);
    };
    try {
      const down = await follow(
        targets,
        {
          open: ({ client }, opened) => log.open(client, opened),
          onEvent(event, { name }) {
            if (log.passes(event)) order.add({ event, name }, log.timeOf(event), systemClock.wallNow());
            return left > 0;
          },
          onFirst() {
            if (log.hasHeader && !options.json) output.data(`${style.underline(logHeader(layout()))}\n`);
          },
          onNote: (note, { name }) => output.note(`${name}: ${note}`),
          async onRefused(error, target) {
            refusals++;
            await say(error, target, (message) => message);
          },
          ...(options.all ? { patience: await patienceWith(say) } : {}),
        },
        signal,
        enough.signal,
      );
      return refusals + down.length === 0 ? EXIT.done : EXIT.failed;
    } finally {
      order.flush();
    }
  };
  return withEachServer(context, options, work, { isAll: options.all });
}

type Say = (error: unknown, target: Target, note: (message: string) => string) => Promise<void>;

async function patienceWith(say: Say): Promise<Patience> {
  const [{ systemTicker }, { isOutage }] = await Promise.all([
    import("../terminal/ticker.js"),
    import("../../client/log-stream.js"),
  ]);
  return {
    ticker: systemTicker,
    isDown: isOutage,
    onDown: (error, target) =>
      say(error, target, (message) => `down, and tried again now and then: ${message}`),
  };
}
