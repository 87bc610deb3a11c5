/** `kes top`: what servers are doing, live. */
import { type CommandContext, command, EXIT } from "../command.js";
import { countOf, durationOf } from "../positive.js";
import { remoteOptions } from "../remote/options.js";
import { colorOption, type Style, styleOf } from "../style.js";
import type { LiveOptions } from "../terminal/live-view.js";
import type { TopModel } from "../top/model.js";

const LEAST_RATE_MS = 200;
const LONGEST_POLL_MS = 1_000;
/** Over so long rates and latencies are taken. */
const WINDOW_SECONDS = 10;

export const topCommand = command({
  usage: "kes top [-k] [--rate DURATION] [--count N]",
  description:
    "Shows requests per second, latency and errors by route and identity, cache and keystore, of one or several " +
    "servers. Live on a terminal (q quits, ? helps), else plain lines. Needs /v1/log/audit, /v1/metrics and " +
    "/v1/status, and shows what it may see.",
  options: {
    ...remoteOptions,
    rate: {
      type: "string",
      value: "DURATION",
      description: "From one picture to the next (default 1s, 5s in a pipe)",
    },
    count: { type: "string", short: "n", value: "N", description: "End after N pictures" },
    color: colorOption,
  },
  args: [0, 0],
  examples: ["kes top", "kes top --count 1 | grep route="],

  async run({ options }, context) {
    const isLive = context.output.isStdoutTerminal;
    const everyMs = await durationOf("rate", options.rate ?? (isLive ? "1s" : "5s"), LEAST_RATE_MS);
    const count = countOf("count", options.count);
    const style = styleOf(context.output, options.color);
    const [{ withEachServer }, { systemTicker }, { TopModel }, { routes }] = await Promise.all([
      import("../remote/each-server.js"),
      import("../terminal/ticker.js"),
      import("../top/model.js"),
      import("../../api/routes.js"),
    ]);
    return withEachServer(context, options, async (targets, signal) => {
      const how = { ticker: systemTicker, everyMs, count };
      const model = new TopModel(targets, {
        ticker: systemTicker,
        // Rates are differences: the first picture needs two readings.
        everyMs: Math.min(everyMs, LONGEST_POLL_MS),
        windowSeconds: WINDOW_SECONDS,
        routes: routes.map(({ path }) => path),
      });
      const end = new AbortController();
      model.start(AbortSignal.any([signal, end.signal]));
      try {
        if (isLive) await showTop(context, model, style, how, signal);
        else await printTop(context, model, how, signal);
      } finally {
        end.abort();
        await model.ended();
      }
      return EXIT.done;
    });
  },
});

async function showTop(
  context: CommandContext,
  model: TopModel,
  style: Style,
  how: LiveOptions,
  signal: AbortSignal,
): Promise<void> {
  const [{ showLive }, { topLines }, { ORDERS }] = await Promise.all([
    import("../terminal/live-view.js"),
    import("../top/view.js"),
    import("../top/snapshot.js"),
  ]);
  let frozen: ReturnType<TopModel["snapshot"]> | undefined;
  let order = 0;
  let help = false;
  await showLive(
    context,
    {
      async update() {
        model.check();
      },
      lines: (size) =>
        topLines(frozen ?? model.snapshot(), {
          ...size,
          ...{ style, help, paused: frozen !== undefined },
          order: ORDERS[order % ORDERS.length] ?? "requests",
        }),
      onKey(key) {
        if (key === "p" || key === " ") frozen = frozen === undefined ? model.snapshot() : undefined;
        else if (key === "s") order++;
        else if (key === "?" || key === "h") help = !help;
        // Escape leaves the help, if there is one to leave.
        else if (key === "\x1b") help = false;
        return key !== "q";
      },
    },
    how,
    signal,
  );
}

async function printTop(
  { output }: CommandContext,
  model: TopModel,
  { ticker, everyMs, count = Number.POSITIVE_INFINITY }: LiveOptions,
  signal: AbortSignal,
): Promise<void> {
  const { plainLines } = await import("../top/plain.js");
  const told = new Set<string>();
  const over = new AbortController();
  const waiting = AbortSignal.any([signal, over.signal]);
  // Who may see nothing should not have to wait for the first line to learn it.
  model
    .tried()
    .then(() => model.check())
    .catch((error: unknown) => over.abort(error));
  for (let printed = 0; printed < count; ) {
    await ticker.wait(everyMs, waiting);
    waiting.throwIfAborted();
    model.check();
    const snapshot = model.snapshot();
    // Each once, until it is over; then it may come again.
    for (const note of snapshot.notes) if (!told.has(note)) output.note(note);
    told.clear();
    for (const note of snapshot.notes) told.add(note);
    if (!model.hasFigures) continue;
    output.data(`${plainLines(snapshot).join("\n")}\n`);
    printed++;
  }
}
