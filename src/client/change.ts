/** A change of one key whose outcome may come to be in doubt: asked for, judged, looked up. */
import { type ErrorCode, isKesError, KesError } from "../errors.js";
import { type Caller, type Deadline, pathTo } from "./caller.js";
import { keyInfoOf } from "./replies.js";
import type { CallOptions, KeyInfo } from "./types.js";

/** Share of the call's time that one request may take, so that some is left to look the outcome up. */
const ATTEMPT_SHARE = 0.6;
/** Nobody told what became of the request. */
const LOST: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "ANSWER_LOST",
  "ANSWER_INVALID",
  "ANSWER_TOO_LARGE",
]);
/** The server itself says, or its balancer's words mean, that the change may have been made. */
const OPEN: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  ...LOST,
  "KEY_CREATE_UNCERTAIN",
  "KEY_DELETE_UNCERTAIN",
  "KEYSTORE_UNCERTAIN",
  "KEYSTORE_TIMEOUT",
  "ANSWER_UNEXPECTED",
]);
/** `Date` has whole seconds, and the servers' clocks are not quite the same. */
const DATE_TOLERANCE_MS = 1000;

/** A key as it was found after a lost answer. */
export interface Found {
  readonly info: KeyInfo;
  /** When the change began by the clock of the server that told, at the earliest; absent when it tells no time. */
  readonly beganMs?: number;
}

/** A change of one key, whose outcome may come to be in doubt. */
export class Change {
  readonly #caller: Caller;
  readonly #name: string;
  readonly #code: "KEY_CREATE_UNCERTAIN" | "KEY_DELETE_UNCERTAIN";
  readonly #options: CallOptions;
  readonly #deadline: Deadline;
  /** The first failure after which the change may have been made. */
  #doubt: unknown;
  /** The same, where the server did not deny it. */
  #open: unknown;

  constructor(
    caller: Caller,
    name: string,
    code: "KEY_CREATE_UNCERTAIN" | "KEY_DELETE_UNCERTAIN",
    options: CallOptions,
  ) {
    this.#caller = caller;
    this.#name = name;
    this.#code = code;
    this.#options = options;
    this.#deadline = caller.deadline(options);
  }

  /** True once the change may have been made. */
  get isDoubtful(): boolean {
    return this.#doubt !== undefined;
  }

  /** Asks for the change once. @returns why it failed */
  async attempt(send: (part: CallOptions) => Promise<void>): Promise<unknown> {
    try {
      await send({ ...this.#options, timeoutMs: this.#deadline.part(ATTEMPT_SHARE) });
      return undefined;
    } catch (error) {
      return error ?? new Error("unknown failure");
    }
  }

  /**
   * What a failure means for the outcome.
   * @returns `lost`: nobody told; `failed`: the server could not, or did not see it through
   * @throws {@link verdict} when the change was refused
   */
  judge(failure: unknown): "lost" | "failed" {
    if (!isKesError(failure)) throw failure;
    // Another kind of success than the one that servers give says as little as no answer, and so does a load balancer
    // whose server is gone.
    const isLost =
      LOST.has(failure.code) ||
      (failure.status >= 200 && failure.status < 300) ||
      (failure.code === "ANSWER_UNEXPECTED" && [502, 504].includes(failure.status));
    if (!isLost && (failure.status < 500 || failure.status === 501)) {
      throw this.verdict(failure);
    }
    this.#doubt ??= failure;
    if (isLost || OPEN.has(failure.code)) this.#open ??= failure;
    return isLost ? "lost" : "failed";
  }

  /**
   * The key as it is now; undefined when there is none.
   * @throws {@link verdict} on `failure` when nobody tells
   */
  async lookUp(failure: unknown): Promise<Found | undefined> {
    const path = pathTo("/v1/key/describe/", this.#name, "KEY_NAME_INVALID");
    try {
      const reply = await this.#caller.send({ method: "GET", path }, this.rest());
      const info = keyInfoOf(reply, this.#name);
      const { dateMs } = reply;
      return dateMs === undefined ? { info } : { info, beganMs: dateMs - this.#deadline.elapsedMs };
    } catch (error) {
      if (isKesError(error, "KEY_NOT_FOUND")) return undefined;
      throw isKesError(error) ? this.verdict(failure) : error;
    }
  }

  /** True when the key was created by this caller and not before the change began. */
  hasCreated({ info, beganMs }: Found): boolean {
    const { identity } = this.#caller.transport;
    if (identity === undefined || info.createdBy !== identity || beganMs === undefined) return false;
    return Date.parse(info.createdAt) >= beganMs - DATE_TOLERANCE_MS;
  }

  /** Options for something more, in the time that is left. @throws KesError `CALL_TIMEOUT` */
  rest(): CallOptions {
    return { ...this.#options, timeoutMs: this.#deadline.part() };
  }

  /** The answer to a further question. @throws KesError {@link uncertain} when it cannot be told */
  async ask(question: (part: CallOptions) => Promise<boolean>): Promise<boolean> {
    try {
      return await question(this.rest());
    } catch (error) {
      throw isKesError(error) ? this.uncertain() : error;
    }
  }

  /** What to throw in the end: `failure`, unless this or an earlier request may have been carried out all the same. */
  verdict(failure: unknown): unknown {
    return this.#open === undefined ? failure : this.uncertain();
  }

  uncertain(): KesError {
    return new KesError(this.#code, [], { cause: this.#open ?? this.#doubt });
  }
}
