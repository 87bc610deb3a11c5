/**
 * What the primary process and its workers say to each other. Both are of one program and one version, so that
 * messages are trusted; they are sent with the structured clone algorithm.
 */
import type { ConfigData } from "../../config/transfer.js";
import type { ConfigFault } from "../../errors.js";
import type { MetricFigures } from "../../metrics/figures.js";
import type { KeyName } from "../../names.js";
import type { TlsMaterial } from "../tls.js";

/** One reading of the configuration, with the secret that its session tickets are sealed under. */
export interface Orders {
  readonly config: ConfigData;
  readonly tls: TlsMaterial;
  readonly ticketSecret: Uint8Array;
}

export interface StartOrders extends Orders {
  readonly version: string;
  readonly commit: string;
  readonly startedAtMs: number;
  /** Serves although the keystore cannot be reached. */
  readonly degraded: boolean;
  readonly followed: Followed;
  readonly failing: boolean;
}

/** Which of the log streams somebody follows, in whatever process. */
export interface Followed {
  readonly audit: boolean;
  readonly error: boolean;
}

export type StreamName = keyof Followed;

/** Lines for the console and for followers, in the order in which a worker made them. */
export interface Lines {
  readonly stdout: string;
  readonly stderr: string;
  readonly audit: readonly string[];
  readonly error: readonly string[];
}

/** A question by its kind: what is asked, and what the answer is. */
interface Question<Asked = undefined, Answer = void> {
  readonly asked: Asked;
  readonly answer: Answer;
}

/** What the primary asks of a worker. */
export interface WorkerQuestions {
  start: Question<StartOrders, { readonly keystore: string }>;
  /** Makes a state of the orders, and keeps it beside the one in force. */
  stage: Question<Orders>;
  /** Puts the staged state in force. */
  use: Question<undefined, { readonly keystore: string }>;
  discard: Question;
  tls: Question<Orders>;
  tickets: Question<Uint8Array>;
  forget: Question<KeyName>;
  figures: Question<undefined, MetricFigures>;
  /** Are you there? */
  ping: Question;
  followed: Question<Followed>;
  /** True when the keystore answers. */
  ready: Question<undefined, boolean>;
  /** Ends requests under way and closes the keystore; the worker ends after its answer. */
  close: Question;
}

/** The worker's end of the channel. */
export interface WorkerSide {
  readonly asks: PrimaryQuestions;
  readonly notes: PrimaryNotes;
  readonly answers: WorkerQuestions;
  readonly hears: WorkerNotes;
}

/** The primary's end. */
export interface PrimarySide {
  readonly asks: WorkerQuestions;
  readonly notes: WorkerNotes;
  readonly answers: PrimaryQuestions;
  readonly hears: PrimaryNotes;
}

/** What a worker asks of the primary. */
export interface PrimaryQuestions {
  /** Resolves when no other worker has the key in memory. */
  forget: Question<KeyName>;
  figures: Question<undefined, MetricFigures>;
  reload: Question;
  /** Records for the audit file that somebody waits for. Answers which of them are in it. */
  audit: Question<readonly string[], readonly boolean[]>;
  /** This worker has followers of a stream, or none any more. Resolves when all workers send its lines. */
  follow: Question<{ readonly stream: StreamName; readonly followed: boolean }>;
}

/** What needs no answer. */
export interface WorkerNotes {
  /** With a socket. */
  connection: number;
  /** `lost`: followers missed lines, and must know. */
  deliver: { readonly stream: StreamName; readonly lines: readonly string[]; readonly lost: boolean };
  failing: boolean;
}

export interface PrimaryNotes {
  /** A connection with this number has arrived: the primary need not hold it any longer. */
  taken: number;
  /** So many connections have closed since the last such note. */
  closed: number;
  lines: Lines;
  /** Records for the audit file that nobody waits for. */
  audit: readonly string[];
  /** So many such records did not come this far. */
  auditLost: number;
  renewTickets: undefined;
}

/** An error on its way to the other process. */
export type Failure =
  | { readonly kind: "config"; readonly faults: readonly ConfigFault[] }
  | { readonly kind: "other"; readonly message: string };
