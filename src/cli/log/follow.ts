/** Follows a log of several servers at once. */
import type { LogOptions } from "../../client/types.js";
import type { Target } from "../remote/each-server.js";

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
}

/**
 * Follows until {@link Follower.onEvent} has enough or every server has refused.
 * @throws the signal's reason when it is aborted, and what {@link Follower.onRefused} throws
 */
export async function follow<T>(
  targets: readonly Target[],
  follower: Follower<T>,
  signal: AbortSignal,
): Promise<void> {
  const end = new AbortController();
  const both = AbortSignal.any([signal, end.signal]);
  let isFirst = true;
  const onConnect = (): void => {
    if (isFirst) follower.onFirst();
    isFirst = false;
  };
  const followOne = async (target: Target): Promise<void> => {
    try {
      for await (const event of follower.open(target, noting(target, follower, onConnect, both))) {
        if (both.aborted) return;
        if (!follower.onEvent(event, target)) end.abort();
      }
    } catch (error) {
      if (!both.aborted) await follower.onRefused(error, target);
    }
  };
  try {
    await Promise.all(targets.map(followOne));
  } finally {
    end.abort();
  }
  signal.throwIfAborted();
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
