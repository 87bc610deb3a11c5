/** The connections to one endpoint. */
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

/** What a request needs of a connection. */
export interface Wanted {
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
  }

  /** A connection with room reserved, or undefined when none is there. */
  reserveNow(wanted: Wanted): Connection | undefined {
    const nowMs = this.#clock.now();
    for (const connection of this.#held.keys()) {
      if (this.#reserve(connection, wanted, nowMs)) return connection;
    }
    return undefined;
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

  changed(connection: Connection): void {
    if (connection.isClosed) {
      this.#held.delete(connection);
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
    this.#retired.clear();
  }

  /** Reserves room on `connection` if it has what is wanted; one that is too old is taken out of use. */
  #reserve(connection: Connection, { isCertain, openedSinceMs }: Wanted, nowMs: number): boolean {
    const material = this.#held.get(connection);
    if (material === undefined) return false;
    if (this.#isOld(connection, material, nowMs)) {
      this.#held.delete(connection);
      this.#retired.add(connection);
      connection.retire();
      return false;
    }
    const isFit =
      connection.hasRoom &&
      connection.openedMs >= openedSinceMs &&
      (!isCertain || nowMs - connection.idleSinceMs <= this.#timing.freshMs);
    if (isFit) connection.reserve();
    return isFit;
  }

  #isOld({ openedMs }: Connection, material: Material, nowMs: number): boolean {
    return (
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

  /** A new connection with room reserved. */
  async #dial(): Promise<Connection> {
    this.#dialing++;
    try {
      const dialed = await this.#dialer.dial();
      const connection = await this.#open(dialed);
      connection.reserve();
      if (this.#isClosed) {
        connection.destroy();
        throw new KesError("CLIENT_CLOSED");
      }
      this.#isShareable = connection.protocol === "h2";
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
