/**
 * Which worker gets a connection. Connections of HTTP/2 live for hours, so that an uneven spread stays. `npm run spread`
 * measures it: with 4 workers and 16 connections the fullest worker has exactly its share this way, and on average 1.2
 * times its share by turns (`SCHED_RR`), 1.4 with a shared socket and with SO_REUSEPORT.
 */

/** A worker as far as the choice goes. */
export interface Candidate {
  /** Connections that it has. */
  readonly open: number;
  /** False for one that has not been heard of for a while: it may hang. */
  readonly responds: boolean;
}

/**
 * The one with the fewest connections among those that respond, or among all when none does. Of equals the one after
 * `last` comes first, so that short connections go round.
 */
export function leastLoaded<T extends Candidate>(workers: readonly T[], last: T | undefined): T | undefined {
  const some = workers.filter(({ responds }) => responds);
  const all = some.length > 0 ? some : workers;
  const start = (last === undefined ? -1 : all.indexOf(last)) + 1;
  let best: T | undefined;
  for (let i = 0; i < all.length; i++) {
    const one = all[(start + i) % all.length];
    if (one !== undefined && (best === undefined || one.open < best.open)) best = one;
  }
  return best;
}
