/** The caller's own signal, which may be that of any number of calls at once. */
import { setMaxListeners } from "node:events";

/** Calls `task` when `signal` is aborted. @returns ends that */
export function onAbort(signal: AbortSignal, task: () => void): () => void {
  // From the eleventh listener on Node would warn of a leak. There is none: each goes when its call ends.
  setMaxListeners(0, signal);
  signal.addEventListener("abort", task);
  return () => signal.removeEventListener("abort", task);
}
