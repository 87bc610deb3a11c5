/** How far a long work on keys has come: a line a second, or one that is redrawn on a terminal. */
import { formatSeconds } from "../file/progress.js";
import type { Output } from "../output.js";
import type { Ticker } from "../terminal/ticker.js";

export interface KeyProgressOptions {
  /** Words of a line in a pipe, of the keys so far: `Migrated     12 keys ...`. */
  readonly line: (done: number) => string;
  /** Word of the line on a terminal: `migrating`. */
  readonly label: string;
  /** Keys that are done with. */
  readonly done: () => number;
  /** Undefined while it is not known. */
  readonly total: () => number | undefined;
}

const EVERY_MS = 1_000;
const DRAW_EVERY_MS = 200;
const BAR_WIDTH = 16;
const CLEAR_LINE = "\r\x1b[K";

/** Shows progress on standard error for as long as `work` runs. */
export async function withProgress<T>(
  output: Output,
  ticker: Ticker,
  options: KeyProgressOptions,
  work: () => Promise<T>,
): Promise<T> {
  const ended = new AbortController();
  const shown = show(output, ticker, options, ended.signal);
  try {
    return await work();
  } finally {
    ended.abort();
    await shown;
  }
}

async function show(
  output: Output,
  ticker: Ticker,
  { line, label, done, total }: KeyProgressOptions,
  ended: AbortSignal,
): Promise<void> {
  const startedMs = ticker.now();
  const isDrawn = output.isStderrTerminal;
  let isShown = false;
  for (;;) {
    await ticker.wait(isDrawn ? DRAW_EVERY_MS : EVERY_MS, ended);
    if (ended.aborted) break;
    if (isDrawn) {
      isShown = true;
      const text = barLine(label, done(), total(), (ticker.now() - startedMs) / 1000);
      output.prompt(CLEAR_LINE + text.slice(0, output.size.columns - 1));
    } else output.prompt(`${line(done())}\n`);
  }
  if (isShown) output.prompt(CLEAR_LINE);
}

/** `migrating [#####...............]  25%  2500 of 10000 keys  812/s  9s left`. */
export function barLine(label: string, done: number, total: number | undefined, seconds: number): string {
  const rate = seconds > 0 ? done / seconds : 0;
  const speed = `${rate.toFixed(rate < 10 ? 1 : 0)}/s`;
  if (total === undefined) return `${label}  ${done} keys  ${speed}`;
  const part = total === 0 ? 1 : Math.min(1, done / total);
  const filled = Math.floor(part * BAR_WIDTH);
  const bar = `[${"#".repeat(filled)}${".".repeat(BAR_WIDTH - filled)}]`;
  const percent = `${Math.floor(part * 100)}%`.padStart(4);
  const left = rate > 0 ? `  ${formatSeconds(Math.max(0, total - done) / rate)} left` : "";
  return `${label} ${bar} ${percent}  ${done} of ${total} keys  ${speed}${left}`;
}
