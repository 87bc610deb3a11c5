/** `kes metric`: the metrics of servers, again and again. */
import { type CommandContext, type CommandError, command, EXIT } from "../command.js";
import type { Metered } from "../metric/readings.js";
import { countOf, durationOf } from "../positive.js";
import type { Target } from "../remote/each-server.js";
import { remoteOptions } from "../remote/options.js";
import { type Style, styleOf } from "../style.js";
import type { LiveOptions } from "../terminal/live-view.js";

const LEAST_RATE_MS = 100;

export const metricCommand = command({
  usage: "kes metric [-k] [--rate DURATION] [--count N]",
  description:
    "Shows requests, latency and memory of one or several servers until Ctrl-C or q: a table on a terminal, " +
    "else one JSON object a line.",
  options: {
    ...remoteOptions,
    rate: { type: "string", value: "DURATION", description: "From one reading to the next (default 5s)" },
    count: { type: "string", short: "n", value: "N", description: "End after N readings" },
  },
  args: [0, 0],
  examples: ["kes metric", "kes metric --rate 1s --count 3 | jq .kes_http_request_active"],

  async run({ options }, context) {
    const everyMs = await durationOf("rate", options.rate ?? "5s", LEAST_RATE_MS);
    const count = countOf("count", options.count);
    const [{ withEachServer }, { systemTicker }] = await Promise.all([
      import("../remote/each-server.js"),
      import("../terminal/ticker.js"),
    ]);
    const how = { ticker: systemTicker, everyMs, count };
    return withEachServer(context, options, (targets, signal) =>
      context.output.isStdoutTerminal
        ? showTable(context, targets, how, signal)
        : printJsonLines(context, targets, how, signal),
    );
  },
});

/** @returns failed when the last reading of any server failed */
async function printJsonLines(
  { output }: CommandContext,
  targets: readonly Target[],
  { ticker, everyMs, count = Number.POSITIVE_INFINITY }: LiveOptions,
  signal: AbortSignal,
): Promise<number> {
  const [{ readAll }, { metricJson }] = await Promise.all([
    import("../metric/readings.js"),
    import("../metric/json.js"),
  ]);
  let metered: readonly Metered[] = targets.map((target) => ({ target }));
  for (let read = 0; ; ) {
    const startedMs = ticker.now();
    const earlier = new Map(metered.map(({ target, failure }) => [target, failure]));
    metered = await readAll(metered, () => performance.now(), signal);
    throwIfHopeless(metered);
    for (const { target, now, failure } of metered) {
      const isNews = failure?.message !== earlier.get(target)?.message;
      if (failure !== undefined && isNews) output.note(`${target.name}: ${failure.message}`);
      if (failure !== undefined || now === undefined) continue;
      output.data(`${metricJson(now.metrics, targets.length === 1 ? undefined : target.name)}\n`);
    }
    if (++read >= count) return metered.some(({ failure }) => failure) ? EXIT.failed : EXIT.done;
    await ticker.wait(Math.max(0, everyMs - (ticker.now() - startedMs)), signal);
    signal.throwIfAborted();
  }
}

/** The table stays behind when the view ends. */
async function showTable(
  context: CommandContext,
  targets: readonly Target[],
  how: LiveOptions,
  signal: AbortSignal,
): Promise<number> {
  const [{ readAll }, { showLive }, { pageOf }] = await Promise.all([
    import("../metric/readings.js"),
    import("../terminal/live-view.js"),
    import("../metric/page.js"),
  ]);
  const style: Style = styleOf(context.output);
  let metered: readonly Metered[] = targets.map((target) => ({ target }));
  const page = () => pageOf(metered, style, context.output.size.columns);
  try {
    await showLive(
      context,
      {
        async update(until) {
          metered = await readAll(metered, () => performance.now(), until);
          throwIfHopeless(metered);
        },
        lines: ({ rows }) => [...page().slice(0, rows - 1), style.dim("q quits")],
        onKey: (key) => key !== "q",
      },
      how,
      signal,
    );
  } finally {
    if (metered.some(({ now }) => now !== undefined)) context.output.data(`${page().join("\n")}\n`);
  }
  return EXIT.done;
}

/** A single server that never answered will not: its failure says why. @throws CommandError */
function throwIfHopeless(metered: readonly Metered[]): void {
  const failures = metered.map(({ now, failure }): CommandError | undefined =>
    now === undefined ? failure : undefined,
  );
  const [first] = failures;
  if (first !== undefined && failures.every((failure) => failure !== undefined)) throw first;
}
