/**
 * The connections to one endpoint.
 *
 * To a server that speaks HTTP/2 one connection does for all. But `node:http2` spends 200 µs on a request that is alone on
 * its connection, client and server together, where HTTP/1.1 takes 95; from about four requests at a time they are even.
 * A caller who makes one small call after another therefore gets lanes: connections of HTTP/1.1 beside the one of HTTP/2,
 * for calls that may be repeated and end by themselves. All else stays with HTTP/2, which can tell a request that was
 * not processed from one that may have been, can be asked whether it stands, and cancels without closing.
 */
import type { TLSSocket } from "node:tls";
import { KesError } from "../errors.js";
import type { CallScope } from "./call-scope.js";
import type { Clock } from "./clock.js";
import type { Connection, ConnectionOwner } from "./connection.js";
import type { Dialed, Dialer } from "./dial.js";
import type { Endpoint } from "./endpoints.js";
import { H2Connection } from "./h2-connection.js";
import type { Material, MaterialSource } from "./material.js";
import { MAX_CONNECTIONS, type TransportTiming } from "./options.js";

/** Clocks of servers differ: a connection goes before its certificate does. */
const CERTIFICATE_MARGIN_MS = 60_000;

/** Most lanes of an endpoint. */
const MAX_LANES = 2;
/** A server that has no HTTP/1.1 is asked for it ever more rarely. */
const LANE_BACKOFF = 16;

/** What a request needs of a connection. */
export interface Wanted {
  /** It may be repeated, and its answer is read at once. */
  readonly isQuick: boolean;
  /** It must be certain, or nearly, that it stands. */
  readonly isCertain: boolean;
  /** A request that began then found a connection dead: only those opened since will do. */
  readonly openedSinceMs: number;
}

/** A request that found all connections busy. */
interface Waiting {
  readonly wanted: Wanted;
  /** Ends the wait: with a connection on which room is reserved, or with none because a new one may be opened. */
  readonly wake: (connection: Connection | undefined) => void;
}

export class ConnectionPool implements ConnectionOwner {
  readonly #endpoint: Endpoint;
  readonly #dialer: Dialer;
  readonly #source: MaterialSource;
  readonly #clock: Clock;
  readonly #timing: TransportTiming;
  readonly #held = new Map<Connection, Material>();
  /** Taken out of use, with requests under way. */
  readonly #retired = new Set<Connection>();
  readonly #opening = new Set<TLSSocket>();
  readonly #waiting = new Set<Waiting>();
  /** As long as it is unknown which HTTP the server speaks, or when it is HTTP/2, one new connection will do for all. */
  #shared: Promise<void> | undefined;
  #isShareable = true;
  #dialing = 0;
  /** Some of those held. */
  readonly #lanes = new Set<Connection>();
  /** Quick calls in a row for which lanes would have done. */
  #quickCalls = 0;
  #callsBeforeLane: number;
  #isOpeningLane = false;
  #isClosed = false;

  constructor(
    endpoint: Endpoint,
    dialer: Dialer,
    source: MaterialSource,
    clock: Clock,
    timing: TransportTiming,
  ) {
    this.#endpoint = endpoint;
    this.#dialer = dialer;
    this.#source = source;
    this.#clock = clock;
    this.#timing = timing;
    this.#callsBeforeLane = timing.callsBeforeLane;
  }

  /** A connection with room reserved, or undefined when none is there. */
  reserveNow(wanted: Wanted): Connection | undefined {
    const nowMs = this.#clock.now();
    if (wanted.isQuick && this.#lanes.size > 0 && this.#underWay < MAX_LANES) {
      for (const lane of this.#lanes) if (this.#reserve(lane, wanted, nowMs)) return lane;
    }
    for (const connection of this.#held.keys()) {
      if (this.#lanes.has(connection) || !this.#reserve(connection, wanted, nowMs)) continue;
      if (wanted.isQuick && connection.protocol === "h2") this.#noteQuickCall();
      return connection;
    }
    return undefined;
  }

  /** Requests reserved or under way. */
  get #underWay(): number {
    let sum = 0;
    for (const { active } of this.#held.keys()) sum += active;
    return sum;
  }

  /**
   * {@link reserveNow}, or waits for one.
   * @throws KesError as the dialer; what `scope` ends with
   */
  async reserve(wanted: Wanted, scope: CallScope): Promise<Connection> {
    for (;;) {
      const ready = this.reserveNow(wanted);
      if (ready !== undefined) return ready;
      const idle = wanted.isCertain ? this.reserveNow({ ...wanted, isCertain: false }) : undefined;
      if (idle !== undefined) {
        const stands = await scope.during(idle.confirm(), () => idle.release());
        if (stands && !idle.isClosed) return idle;
        idle.release();
        if (idle.protocol === "http/1.1") return this.#own(scope);
      } else if (this.#shared !== undefined) {
        await scope.during(this.#shared);
      } else if (this.#held.size + this.#dialing >= MAX_CONNECTIONS) {
        const handed = await this.#turn(wanted, scope);
        if (handed !== undefined) return handed;
      } else if (!this.#isShareable) {
        return this.#own(scope);
      } else {
        this.#shared = this.#dial()
          .then((connection) => connection.release())
          .finally(() => {
            this.#shared = undefined;
          });
        // Nobody may be left to hear of its failure.
        this.#shared.catch(() => undefined);
      }
    }
  }

  isLane(connection: Connection): boolean {
    return this.#lanes.has(connection);
  }

  changed(connection: Connection): void {
    if (connection.isClosed) {
      this.#held.delete(connection);
      this.#lanes.delete(connection);
      this.#retired.delete(connection);
    }
    this.#handOver(connection);
    this.#callForMore();
  }

  close(fault: KesError): void {
    this.#isClosed = true;
    this.#dialer.close(fault);
    for (const socket of this.#opening) socket.destroy();
    for (const connection of [...this.#held.keys(), ...this.#retired]) connection.destroy();
    this.#held.clear();
    this.#lanes.clear();
    this.#retired.clear();
  }

  /** Opens another lane when it would have had something to do for long enough. Nobody waits for it. */
  #noteQuickCall(): void {
    const wouldDo = this.#lanes.size < MAX_LANES && this.#underWay <= MAX_LANES;
    this.#quickCalls = wouldDo ? this.#quickCalls + 1 : 0;
    if (this.#quickCalls < this.#callsBeforeLane || this.#isOpeningLane || this.#isClosed) return;
    this.#quickCalls = 0;
    this.#isOpeningLane = true;
    this.#dial(false)
      .then(
        (lane) => lane.release(),
        // It works without: what is wrong with the server is told by the calls themselves.
        () => {
          this.#callsBeforeLane *= LANE_BACKOFF;
        },
      )
      .finally(() => {
        this.#isOpeningLane = false;
      });
  }

  /** Reserves room on `connection` if it has what is wanted; one that is too old is taken out of use. */
  #reserve(connection: Connection, { isQuick, isCertain, openedSinceMs }: Wanted, nowMs: number): boolean {
    const material = this.#held.get(connection);
    if (material === undefined) return false;
    if (this.#isOld(connection, material, nowMs)) {
      this.#held.delete(connection);
      this.#lanes.delete(connection);
      this.#retired.add(connection);
      connection.retire();
      return false;
    }
    const isFit =
      connection.hasRoom &&
      (isQuick || !this.#lanes.has(connection)) &&
      connection.openedMs >= openedSinceMs &&
      (!isCertain || nowMs - connection.idleSinceMs <= this.#timing.freshMs);
    if (isFit) connection.reserve();
    return isFit;
  }

  #isOld(connection: Connection, material: Material, nowMs: number): boolean {
    const { openedMs, idleSinceMs, hasRoom } = connection;
    return (
      // A lane cannot be asked whether it stands: one that was idle is not trusted.
      (hasRoom && this.#lanes.has(connection) && nowMs - idleSinceMs > this.#timing.freshMs) ||
      material !== this.#source.latest ||
      nowMs - openedMs > this.#timing.maxAgeMs ||
      this.#clock.wallNow() > material.notAfterMs - CERTIFICATE_MARGIN_MS
    );
  }

  async #own(scope: CallScope): Promise<Connection> {
    let isWanted = true;
    const dialed = this.#dial().then((connection) => {
      if (!isWanted) connection.release();
      return connection;
    });
    return scope.during(dialed, () => {
      isWanted = false;
    });
  }

  /** A new connection with room reserved; without `http2` a lane. */
  async #dial(http2 = true): Promise<Connection> {
    this.#dialing++;
    try {
      const dialed = await this.#dialer.dial(http2);
      const connection = await this.#open(dialed);
      connection.reserve();
      if (this.#isClosed) {
        connection.destroy();
        throw new KesError("CLIENT_CLOSED");
      }
      if (http2) this.#isShareable = connection.protocol === "h2";
      else this.#lanes.add(connection);
      this.#held.set(connection, dialed.material);
      return connection;
    } finally {
      this.#dialing--;
      this.#callForMore();
    }
  }

  async #open(dialed: Dialed): Promise<Connection> {
    const { socket } = dialed;
    this.#opening.add(socket);
    try {
      if (socket.alpnProtocol === "h2") {
        return await H2Connection.open(this.#endpoint, dialed, this, this.#clock, this.#timing);
      }
      // Loaded here: most servers speak HTTP/2, and commands are short.
      const { H1Connection } = await import("./h1-connection.js");
      return await H1Connection.open(this.#endpoint, dialed, this, this.#clock);
    } finally {
      this.#opening.delete(socket);
    }
  }

  /** Waits in line. @returns a connection with room reserved; undefined when it is worth looking again */
  #turn(wanted: Wanted, scope: CallScope): Promise<Connection | undefined> {
    let leave = (): void => {};
    const turn = new Promise<Connection | undefined>((wake) => {
      const waiting = { wanted, wake };
      this.#waiting.add(waiting);
      leave = () => this.#waiting.delete(waiting);
    });
    return scope.during(turn, () => {
      leave();
      // What it was given at the last moment goes to the next in line.
      void turn.then((connection) => (connection === undefined ? this.#callForMore() : connection.release()));
    });
  }

  /** Gives the room of `connection` to those who wait, the first in line first; the others are not disturbed. */
  #handOver(connection: Connection): void {
    const nowMs = this.#clock.now();
    for (const waiting of this.#waiting) {
      if (!connection.hasRoom) return;
      if (!this.#reserve(connection, waiting.wanted, nowMs)) continue;
      this.#waiting.delete(waiting);
      waiting.wake(connection);
    }
  }

  /** As many of those who wait as connections may be opened look again. */
  #callForMore(): void {
    let places = MAX_CONNECTIONS - this.#held.size - this.#dialing;
    for (const waiting of this.#waiting) {
      if (places-- <= 0) return;
      this.#waiting.delete(waiting);
      waiting.wake(undefined);
    }
  }
}
