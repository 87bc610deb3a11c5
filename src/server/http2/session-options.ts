/** What a connection of HTTP/2 is made with. */
import type { BodyBudget } from "../body.js";
import type { Exchange } from "../exchange.js";
import type { HeldAnswers } from "../held-answers.js";
import type { Peer } from "../peer.js";
import type { DateField } from "./date-field.js";
import type { Watched } from "./deadlines.js";
import type { Pages } from "./outbox.js";
import type { Transport } from "./transport.js";
import type { Turn } from "./turn.js";

export interface SessionOptions {
  readonly transport: Transport;
  readonly peer: Peer;
  readonly bodies: BodyBudget;
  readonly pages: Pages;
  readonly date: DateField;
  readonly held: HeldAnswers;
  readonly headersTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** Serves one request; never throws. */
  readonly serve: (exchange: Exchange) => void;
  /** Something was refused before there was a request to speak of. */
  readonly refused: (status: number, reason: string) => void;
  /** A request begins, and ends. */
  readonly begin: () => void;
  readonly end: () => void;
  readonly turn: Turn;
  /** {@link Watched.check} is wanted from now on. */
  readonly watch: (session: Watched) => void;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
}
