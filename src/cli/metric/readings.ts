/** Reads the metrics of servers again and again. */
import { CommandError } from "../command.js";
import type { Target } from "../remote/each-server.js";
import type { Reading } from "./change.js";

/** One server: its last two readings, or why the last one failed. */
export interface Metered {
  readonly target: Target;
  readonly now?: Reading;
  readonly before?: Reading;
  /** Of the last try. */
  readonly failure?: CommandError;
}

/**
 * The next reading of each server. Failures stay with their server.
 * @throws the signal's reason when it is aborted; what is no failure of a server
 */
export function readAll(
  metered: readonly Metered[],
  nowMs: () => number,
  signal: AbortSignal,
): Promise<readonly Metered[]> {
  return Promise.all(
    metered.map(async (one): Promise<Metered> => {
      const { target, now } = one;
      try {
        const metrics = await target.client.metrics({ signal });
        return { target, now: { atMs: nowMs(), metrics }, ...(now === undefined ? {} : { before: now }) };
      } catch (error) {
        signal.throwIfAborted();
        const failure = await target.explain(error, { path: "/v1/metrics" });
        if (!(failure instanceof CommandError)) throw failure;
        return { target, failure, ...(now === undefined ? {} : { now }) };
      }
    }),
  );
}
