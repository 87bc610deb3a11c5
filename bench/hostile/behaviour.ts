/** What a row of the table is made of. */
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Line } from "./line.js";

export interface Behaviour {
  readonly name: string;
  /** `tcp`: it makes its connections itself, in {@link play}. */
  readonly speaks: "tcp" | "h1" | "h2";
  /** With a certificate that may do everything; otherwise with one that nobody gave any right. */
  readonly isEntitled?: boolean;
  /** Without it as many as the run asks for. */
  readonly connections?: number;
  /** Payload of the SETTINGS with which an HTTP/2 connection begins. */
  readonly settings?: Buffer;
  /** It reads nothing of what it is sent. */
  readonly isDeaf?: boolean;
  /** Whoever is cut off connects again. */
  readonly comesBack?: boolean;
  /** Once, when all are connected. */
  readonly start?: (line: Line) => void;
  /** What is sent as fast as the connection takes it. */
  readonly flood?: (line: Line) => Buffer;
  /** What is sent every so many milliseconds. */
  readonly drip?: { readonly everyMs: number; readonly bytes: (line: Line) => Buffer };
  /** Goes on until the attack is over. */
  readonly play?: (scene: Scene) => Promise<void>;
  /** Connections that the server takes at a time. */
  readonly maxConnections?: number;
  /** It asks for much that it has a right to: others may have to wait, as for any client that is busy (SECURITY.md). */
  readonly isDear?: boolean;
  /** What all together may have it hold, in MiB, where that is a bound that connections share. */
  readonly sharedMib?: number;
}

/** Where a behaviour that makes its own connections is played. */
export interface Scene {
  readonly isOver: boolean;
  /** A connection of TCP; undefined when the server did not take it. */
  connect(): Promise<Socket | undefined>;
  /** One whose handshake is done. */
  shakeHands(alpn: "h2" | "http/1.1"): Promise<TLSSocket | undefined>;
  /** The first bytes of a client. */
  readonly hello: Buffer;
}
