/** Follows a log of several servers at once. */
import type { LogOptions } from "../../client/types.js";
import type { Target } from "../remote/each-server.js";
import type { Ticker } from "../terminal/ticker.js";

/** How long a server that is down is left alone before it is tried again. */
const RETRY_MS = 5_000;

export interface Follower<T> {
  /** Opens the log of one server. */
  readonly open: (target: Target, options: LogOptions) => AsyncIterable<T>;
  /** @returns false to end the whole */
  readonly onEvent: (event: T, target: Target) => boolean;
  /** The first connection to any of the servers is there. */
  readonly onFirst: () => void;
  /** One line about a connection: broken, and back. */
  readonly onNote: (text: string, target: Target) => void;
  /** A server's stream ended for good. What this throws ends the whole. */
  readonly onRefused: (error: unknown, target: Target) => Promise<void>;
  /** Servers that are down at first are tried again for as long as another one is followed. */
  readonly patience?: Patience;
}

export interface Patience {
  readonly ticker: Ticker;
  /** The server may be there later: it does not answer, or is about to start. */
  readonly isDown: (error: unknown) => boolean;
  /** A server is down, and will be tried again; said once. What this throws ends the whole. */
  readonly onDown: (error: unknown, target: Target) => Promise<void>;
}

/**
 * Follows until {@link Follower.onEvent} has enough, every server has refused or is down, or `enough` is aborted.
 * @returns the names of servers that are down
 * @throws the signal's reason when it is aborted, and what {@link Follower.onRefused} throws
 */
export async function follow<T>(
  targets: readonly Target[],
  follower: Follower<T>,
  signal: AbortSignal,
  enough?: AbortSignal,
): Promise<readonly string[]> {
  const end = new AbortController();
  const both = AbortSignal.any([signal, end.signal, ...(enough === undefined ? [] : [enough])]);
  const { patience } = follower;
  let isFirst = true;
  /** Followed, or about to be. */
  const hopeful = new Set(targets);
  const down = new Set<Target>();
  const given = (target: Target): void => {
    hopeful.delete(target);
    if (hopeful.size === 0) end.abort();
  };
  const onConnect = (target: Target): void => {
    if (isFirst) follower.onFirst();
    isFirst = false;
    hopeful.add(target);
    if (down.delete(target)) follower.onNote("up: events are shown from now on", target);
  };
  const followOne = async (target: Target): Promise<void> => {
    while (!both.aborted) {
      try {
        const options = noting(target, follower, () => onConnect(target), both);
        for await (const event of follower.open(target, options)) {
          if (both.aborted) return;
          if (!follower.onEvent(event, target)) end.abort();
        }
        return;
      } catch (error) {
        if (both.aborted) return;
        if (patience?.isDown(error) !== true) {
          down.delete(target);
          await follower.onRefused(error, target);
          return given(target);
        }
        if (!down.has(target)) await patience.onDown(error, target);
        down.add(target);
        given(target);
        await patience.ticker.wait(RETRY_MS, both);
      }
    }
  };
  try {
    await Promise.all(targets.map(followOne));
  } finally {
    end.abort();
  }
  signal.throwIfAborted();
  return [...down].map(({ name }) => name);
}

/** Says when the stream breaks and when it is back, once each, however many tries are in between. */
function noting<T>(
  target: Target,
  { onNote }: Follower<T>,
  onConnect: () => void,
  signal: AbortSignal,
): LogOptions {
  let isBroken = false;
  return {
    signal,
    onGap({ cause }) {
      if (!isBroken) {
        const why = cause === undefined ? "the server ended it" : cause.message;
        onNote(`log stream lost: ${why}; connecting again`, target);
      }
      isBroken = true;
    },
    onConnect() {
      onConnect();
      if (isBroken) onNote("connected again; events of the meantime are not shown", target);
      isBroken = false;
    },
  };
}
