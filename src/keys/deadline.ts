/** Waiting with an end: no keystore call is trusted to end by itself or to obey its signal. */
import { KesError } from "../errors.js";
import type { Clock } from "./clock.js";

/** The request that a call of the key service belongs to. */
export interface Call {
  /**
   * Aborted when nobody waits for the answer any more: the route's deadline passed or the client went away.
   * Asked for only when the keystore is needed, so that it can be made lazily.
   */
  signal(): AbortSignal;
}

/** Settles as `work` does, or rejects with what `late` makes once `signal` is aborted. `work` itself goes on. */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal, late: () => KesError): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(late());
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}

/**
 * Starts a keystore call and settles with it, or rejects with `KEYSTORE_TIMEOUT` after `timeoutMs` and aborts
 * its signal. The call may ignore the signal; what it does later then concerns nobody here.
 *
 * @param outer - aborts the call too; the call decides how it then ends
 */
export function within<T>(
  clock: Clock,
  timeoutMs: number,
  start: (signal: AbortSignal) => Promise<T>,
  outer?: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const deadline = new AbortController();
    const cancel = clock.after(timeoutMs, () => {
      // Rejected before the abort, for the call's own answer to the abort says less.
      reject(new KesError("KEYSTORE_TIMEOUT"));
      deadline.abort();
    });
    const signal = outer === undefined ? deadline.signal : AbortSignal.any([deadline.signal, outer]);
    const call = async (): Promise<T> => start(signal);
    call().then(resolve, reject).finally(cancel);
  });
}
