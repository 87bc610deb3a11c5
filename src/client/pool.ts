/** The connections to one endpoint. */
import type { TLSSocket } from "node:tls";
import { KesError } from "../errors.js";
import type { CallScope } from "./call-scope.js";
import type { Clock } from "./clock.js";
import type { Connection, ConnectionOwner } from "./connection.js";
import type { Dialed, Dialer } from "./dial.js";
import type { Endpoint } from "./endpoints.js";
import { H1Connection } from "./h1-connection.js";
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
  readonly #waiting = new Set<() => void>();
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
  reserveNow({ isCertain, openedSinceMs }: Wanted): Connection | undefined {
    const nowMs = this.#clock.now();
    for (const [connection, material] of this.#held) {
      if (this.#isOld(connection, material, nowMs)) {
        this.#held.delete(connection);
        this.#retired.add(connection);
        connection.retire();
      } else if (
        connection.hasRoom &&
        connection.openedMs >= openedSinceMs &&
        (!isCertain || nowMs - connection.idleSinceMs <= this.#timing.freshMs)
      ) {
        connection.reserve();
        return connection;
      }
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
        await scope.during(this.#room());
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
    for (const wake of this.#waiting) wake();
  }

  close(fault: KesError): void {
    this.#isClosed = true;
    this.#dialer.close(fault);
    for (const socket of this.#opening) socket.destroy();
    for (const connection of [...this.#held.keys(), ...this.#retired]) connection.destroy();
    this.#held.clear();
    this.#retired.clear();
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
      for (const wake of this.#waiting) wake();
    }
  }

  async #open(dialed: Dialed): Promise<Connection> {
    const { socket } = dialed;
    this.#opening.add(socket);
    try {
      return socket.alpnProtocol === "h2"
        ? await H2Connection.open(this.#endpoint, dialed, this, this.#clock, this.#timing)
        : await H1Connection.open(this.#endpoint, dialed, this, this.#clock);
    } finally {
      this.#opening.delete(socket);
    }
  }

  /** Settles when something changed. */
  #room(): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        resolve();
      };
      this.#waiting.add(wake);
    });
  }
}
