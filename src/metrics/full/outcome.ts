/** How a request ended, in the few words by which its time is told apart. */

/**
 * `ok`: answered. `denied`: 401, 403. `invalid`: another fault of the caller's. `failed`: 5xx. `aborted`: the client
 * went away.
 */
export const OUTCOMES = ["ok", "denied", "invalid", "failed", "aborted"] as const;

/** Index into {@link OUTCOMES}. */
export function outcomeOf(status: number): number {
  if (status < 400) return 0;
  if (status === 403 || status === 401) return 1;
  if (status >= 500) return 3;
  return status === 499 ? 4 : 2;
}
