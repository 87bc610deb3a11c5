/** The connections of a listener: which of them wait for an answer, and which one goes when there are too many. */
import type { EngineSocket } from "./engine.js";
import { SHUTDOWN_GRACE_MS } from "./limits.js";
import type { Peer } from "./peer.js";

/** The connection under a handshake. */
export interface Wire {
  readonly bytesRead: number;
}

/** What of an HTTP/2 session its connection asks for. */
export interface Session {
  /** Takes no further request; ends the connection with its last answer. */
  close(): void;
  /** Ends at once. */
  destroy(): void;
}

/** A connection after its handshake. */
export class Connection {
  readonly peer: Peer;
  readonly #socket: EngineSocket;
  readonly #owner: Connections;
  #session: Session | undefined;
  /** How long it may be idle; 0 where its engine sees to that, and when it was ended for that. */
  #idleTimeoutMs = 0;
  /** When its last request came, or it was made; by its owner's clock. */
  #usedMs: number;
  #pending = 0;
  #closing = false;
  #isFresh = true;
  /** A request came, or got its answer, since that was last asked for. */
  #isServing = false;

  constructor(peer: Peer, socket: EngineSocket, owner: Connections) {
    this.peer = peer;
    this.#socket = socket;
    this.#owner = owner;
    this.#usedMs = owner.nowMs;
  }

  /**
   * From now on the connection speaks HTTP/2 and belongs to `session`. It is closed when no request came for
   * `idleTimeoutMs` and none waits for its answer.
   */
  join(session: Session, idleTimeoutMs: number): void {
    this.#session = session;
    this.#idleTimeoutMs = idleTimeoutMs;
    this.#owner.watchIdle(idleTimeoutMs);
    // The clock may have stood still when the connection was made.
    this.#usedMs = this.#owner.nowMs;
  }

  /** True while a request waits for its answer, or follows a log. */
  get busy(): boolean {
    return this.#pending > 0;
  }

  /** True when the request under way is its last. */
  get isClosing(): boolean {
    return this.#closing;
  }

  /** A request came. Every one is ended by {@link end}. */
  begin(): void {
    this.#pending++;
    this.#isFresh = false;
    this.#isServing = true;
    if (this.#closing) this.#session?.close();
    this.#used();
  }

  /** A request has got its answer, or nobody waits for it any more. */
  end(): void {
    this.#pending--;
    this.#isServing = true;
    if (this.#closing && this.#session === undefined) this.close();
  }

  /** Takes no further request and closes when the last answer is sent. */
  close(): void {
    this.#closing = true;
    if (this.#session !== undefined) this.#session.close();
    else if (!this.busy) this.#socket.destroySoon();
  }

  /** As {@link close}, but a connection that was just made gets its first request answered. */
  drain(): void {
    if (!this.#isFresh) return this.close();
    this.#closing = true;
    setTimeout(() => this.close(), FRESH_MS).unref();
  }

  /** Closes now. */
  destroy(): void {
    this.#session?.destroy();
    this.#socket.destroy();
  }

  /**
   * Closes when no request came for too long and none waits for its answer.
   * @param usedMs - a last request that came so early, or earlier, may be too long ago
   * @returns false when its last request was later than that
   */
  endIfIdle(usedMs: number): boolean {
    if (this.#usedMs > usedMs) return false;
    if (this.#idleTimeoutMs === 0) return true;
    if (this.busy) this.#used();
    else {
      this.#idleTimeoutMs = 0;
      this.close();
      this.#cutLater();
    }
    return true;
  }

  /** Answers that nobody takes would keep the session for ever. */
  #cutLater(): void {
    this.#isServing = false;
    setTimeout(() => {
      // A request crossed the goodbye: whoever sent it must learn what became of it.
      if (this.busy || this.#isServing) this.#cutLater();
      else this.destroy();
    }, SHUTDOWN_GRACE_MS).unref();
  }

  #used(): void {
    this.#usedMs = this.#owner.nowMs;
    this.#owner.used(this);
  }
}

/** An idle connection is closed at most two ticks late. */
const MAX_TICK_MS = 1_000;
const MIN_TICKS = 10;
/** Whoever has just connected may be about to send a request; it gets so long. */
const FRESH_MS = 500;
/** Handshakes among which one is chosen to be given up. */
const MAX_LOOKED_AT = 64;

/**
 * All sockets of a listener. Connections are kept in the order of their last request, so that those who only hold
 * a connection open make room for those who use theirs.
 */
export class Connections {
  /** And what lies under each, in the order in which they came. */
  readonly #handshakes = new Map<EngineSocket, Wire | undefined>();
  readonly #established = new Set<Connection>();
  /** One for all sockets: a function of its own for each would be memory. */
  readonly #handshakeEnded: (this: EngineSocket) => void;
  #isDraining = false;
  #clock: NodeJS.Timeout | undefined;
  #nowMs = performance.now();

  constructor() {
    const handshakes = this.#handshakes;
    this.#handshakeEnded = function () {
      handshakes.delete(this);
    };
  }

  /** Milliseconds, monotonic; moves on by ticks. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** From now on connections are closed that were idle for `idleTimeoutMs`, the same for all of them. */
  watchIdle(idleTimeoutMs: number): void {
    if (this.#clock !== undefined) return;
    // One clock for all, and no timer that every request would set anew.
    const tickMs = Math.min(MAX_TICK_MS, Math.ceil(idleTimeoutMs / MIN_TICKS));
    this.#nowMs = performance.now();
    this.#clock = setInterval(() => this.#tick(idleTimeoutMs + tickMs), tickMs).unref();
  }

  #tick(idleMs: number): void {
    this.#nowMs = performance.now();
    if (this.#established.size === 0) {
      clearInterval(this.#clock);
      this.#clock = undefined;
    }
    // The one that was used longest ago is the first.
    const usedMs = this.#nowMs - idleMs;
    for (const connection of this.#established) if (!connection.endIfIdle(usedMs)) return;
  }

  get size(): number {
    return this.#handshakes.size + this.#established.size;
  }

  /**
   * A handshake begins.
   * @param wire - tells whether the client has said anything yet
   */
  add(socket: EngineSocket, wire?: Wire): void {
    this.#handshakes.set(socket, wire);
    socket.on("close", this.#handshakeEnded);
  }

  /** Another socket goes on with its handshake. */
  remove(socket: EngineSocket): void {
    this.#handshakes.delete(socket);
    socket.off("close", this.#handshakeEnded);
  }

  /** Its handshake is done. */
  establish(socket: EngineSocket, peer: Peer): Connection {
    const connection = new Connection(peer, socket, this);
    this.remove(socket);
    this.#established.add(connection);
    socket.on("close", () => this.#established.delete(connection));
    if (this.#isDraining) connection.drain();
    return connection;
  }

  /** Moves `connection` to the end of the queue of those to give up. */
  used(connection: Connection): void {
    if (this.#established.delete(connection)) this.#established.add(connection);
  }

  /**
   * Gives up one socket: of the oldest handshakes one in which the client has said nothing, or the oldest, since an
   * honest one is over in no time; else the connection that was not used for longest.
   * @returns false when every connection waits for an answer
   */
  giveUpOne(): boolean {
    const handshake = this.#leastHandshake();
    if (handshake !== undefined) {
      this.#handshakes.delete(handshake);
      handshake.destroy();
      return true;
    }
    for (const connection of this.#established) {
      if (connection.busy) continue;
      this.#established.delete(connection);
      connection.destroy();
      return true;
    }
    return false;
  }

  /** Somebody who only opens connections, as fast as he can, would else push out those who are about to be through. */
  #leastHandshake(): EngineSocket | undefined {
    let oldest: EngineSocket | undefined;
    let looked = 0;
    for (const [socket, wire] of this.#handshakes) {
      if (wire?.bytesRead === 0) return socket;
      oldest ??= socket;
      if (++looked === MAX_LOOKED_AT) break;
    }
    return oldest;
  }

  /** Closes each as soon as no request waits on it. What has just begun is seen through. */
  close(): void {
    this.#isDraining = true;
    setTimeout(() => {
      for (const socket of this.#handshakes.keys()) socket.destroy();
    }, FRESH_MS).unref();
    for (const connection of this.#established) connection.drain();
  }

  /** Cuts whatever is left. */
  destroy(): void {
    for (const socket of this.#handshakes.keys()) socket.destroy();
    for (const connection of this.#established) connection.destroy();
  }
}
