/** Runs a view that follows something: asks, draws, waits, until somebody ends it. */
import type { CommandContext } from "../command.js";
import { LiveScreen } from "./live-screen.js";
import type { Ticker } from "./ticker.js";

export interface LiveView {
  /** Brings the figures up to date. Rejects only for what ends the view; returns soon when `signal` is aborted. */
  update(signal: AbortSignal): Promise<void>;
  /** The picture: lines that fit. */
  lines(size: { readonly columns: number; readonly rows: number }): readonly string[];
  /** @returns false to end the view */
  onKey(key: string): boolean;
}

export interface LiveOptions {
  readonly ticker: Ticker;
  /** From one picture to the next. */
  readonly everyMs: number;
  /** Pictures until the end. */
  readonly count?: number | undefined;
}

/**
 * Shows `view` on the whole terminal until a key or {@link LiveOptions.count} ends it.
 * @throws the signal's reason when it is aborted, and what the view throws; the terminal is given back first
 */
export async function showLive(
  { output, stdin }: CommandContext,
  view: LiveView,
  { ticker, everyMs, count = Number.POSITIVE_INFINITY }: LiveOptions,
  signal: AbortSignal,
): Promise<void> {
  const quit = new AbortController();
  const both = AbortSignal.any([signal, quit.signal]);
  const draw = (): void => screen?.draw(view.lines(output.size));
  let screen: LiveScreen | undefined;
  try {
    screen = new LiveScreen({
      ...{ output, stdin },
      onKey(key) {
        if (view.onKey(key)) draw();
        else quit.abort();
      },
      onRedraw: draw,
    });
    draw();
    for (let shown = 0; !both.aborted; ) {
      const startedMs = ticker.now();
      await view.update(both);
      if (both.aborted) break;
      draw();
      if (++shown >= count) break;
      await ticker.wait(Math.max(0, everyMs - (ticker.now() - startedMs)), both);
    }
  } catch (error) {
    if (!both.aborted) throw error;
  } finally {
    screen?.close();
  }
  signal.throwIfAborted();
}
