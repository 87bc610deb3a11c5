/**
 * What was decided before: where a target leads, and that a connection's client may go there. A request that comes
 * again for the same thing, as most do, is spared path, route, argument and policy.
 *
 * A permit is the decision itself, kept: it says what was found for this very identity, target and state of the server.
 * Nothing else goes into that decision, no time and no header; where something does, behind a proxy, none is kept. A
 * reload of configuration or certificates makes another state, under which no permit of an older one holds. A
 * connection that ends takes its permits along. Refusals are not kept.
 */
import type { Caller, Route } from "../api/route.js";
import type { Peer } from "./peer.js";
import type { ServerState } from "./state.js";

/** Where a target leads; the same for everybody. */
export interface Destination {
  readonly route: Route;
  /** Checked. */
  readonly argument: string;
  readonly path: string;
}

/** A destination that a connection's client was let in to. */
export interface Permit {
  readonly destination: Destination;
  readonly caller: Caller;
  /** Of the route, as the configuration has it. */
  readonly timeoutMs: number;
}

/** Targets that are kept for all connections together, and for each of them. Some KiB a connection at most. */
const MAX_DESTINATIONS = 4096;
const MAX_PERMITS = 32;
/** Longer targets are not kept. The longest that a name can make is below 200. */
const MAX_TARGET = 256;

interface Held {
  generation: number;
  readonly permits: Map<Destination, Permit>;
}

export class Permits {
  readonly #destinations = new Map<string, Destination>();
  readonly #held = new WeakMap<Peer, Held>();
  #state: ServerState | undefined;
  /** Grows with every other state, so that no connection has to hold on to an old one. */
  #generation = 0;

  /** The permit of `peer` for `target` under `state`, if it got one. */
  find(peer: Peer, target: string, state: ServerState): Permit | undefined {
    const destination = this.#destinations.get(target);
    if (destination === undefined) return undefined;
    const held = this.#held.get(peer);
    if (held === undefined || held.generation !== this.#generationOf(state)) return undefined;
    return held.permits.get(destination);
  }

  /** Keeps that the client of `peer` was let in under `state`, which has no proxies. */
  keep(peer: Peer, target: string, state: ServerState, permit: Permit): void {
    // A query is the business of a route, which may look at it.
    if (state.proxy !== undefined || target.length > MAX_TARGET || target.includes("?")) return;
    const destination = this.#destinationOf(target, permit.destination);
    const permits = this.#permitsOf(peer, state);
    makeRoom(permits, MAX_PERMITS);
    permits.set(destination, { ...permit, destination });
  }

  /** One object for a target, whoever asks for it. */
  #destinationOf(target: string, found: Destination): Destination {
    const known = this.#destinations.get(target);
    if (known !== undefined) return known;
    makeRoom(this.#destinations, MAX_DESTINATIONS);
    this.#destinations.set(target, found);
    return found;
  }

  #permitsOf(peer: Peer, state: ServerState): Map<Destination, Permit> {
    const generation = this.#generationOf(state);
    const held = this.#held.get(peer);
    if (held === undefined) {
      const permits = new Map<Destination, Permit>();
      this.#held.set(peer, { generation, permits });
      return permits;
    }
    if (held.generation !== generation) {
      held.permits.clear();
      held.generation = generation;
    }
    return held.permits;
  }

  #generationOf(state: ServerState): number {
    if (state !== this.#state) {
      this.#state = state;
      this.#generation += 1;
    }
    return this.#generation;
  }
}

/** Drops the oldest when there are too many. */
function makeRoom<K>(map: Map<K, unknown>, max: number): void {
  if (map.size < max) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}
