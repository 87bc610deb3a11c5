/** What a trial is: our server with and without one setting, under the loads that the setting could matter to. */
import type { TestAlgorithm } from "../../test/support/certificates.js";
import type { Engine } from "../compare/contenders/keswick.js";

/** What `preload.mjs` changes in the server's process. */
export interface Patch {
  /** Over what the server gives to `tls.createSecureContext`. */
  readonly secureContext?: Readonly<Record<string, string | number | boolean>>;
  readonly noDelay?: boolean;
  /** Bytes of a TLS record at most. */
  readonly maxSendFragment?: number;
  /** When our HTTP/2 always writes: after every answer, after every read, or at the end of every turn. */
  readonly http2Flush?: "each" | "read" | "turn";
  /** Head and body of an HTTP/1.1 answer are two writes, by the engine of that name. */
  readonly http1Parts?: "own" | "node";
}

export interface Setting {
  /** As the table has it. */
  readonly label: string;
  readonly patch?: Patch;
  /** Arguments of Node's own. */
  readonly nodeOptions?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Commands of OpenSSL's configuration for every server, `SSL_CONF_cmd(3)`. */
  readonly openssl?: Readonly<Record<string, string>>;
  /** Of the server's certificate; P-256 without it. */
  readonly serverKey?: TestAlgorithm;
  /** Whether clients can resume sessions; true without it. */
  readonly resumes?: boolean;
}

/** A load: a row of the comparison, bulk decrypts of 1,000 ciphertexts, or new connections with one decrypt each. */
export type Load =
  | "h2, 1 × 1"
  | "h2, 1 × 16"
  | "h2, 1 × 64"
  | "h2, 64 × 1"
  | "h1, 16 connections"
  | "bulk"
  | "handshake, full"
  | "handshake, resumed";

export interface Trial {
  readonly id: string;
  readonly title: string;
  readonly engine: Engine;
  /** The server as it is. */
  readonly asItIs: Setting;
  readonly others: readonly Setting[];
  readonly loads: readonly Load[];
}
