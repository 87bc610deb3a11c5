/** Create, import and delete: never repeated blindly; an outcome that was lost is looked up. */
import { type ErrorCode, isKesError, KesError } from "../errors.js";
import { base64 } from "./base64.js";
import { type Caller, type Deadline, pathTo } from "./caller.js";
import { holdsKey } from "./imported-key.js";
import { keyInfoOf } from "./replies.js";
import type { CallOptions, ImportedKey, KeyInfo } from "./types.js";

/** How often a change is asked for at most, when answers are lost. */
const MAX_ATTEMPTS = 3;
/** And when a server fails: once more, for there may be another endpoint. More would hide an outage. */
const MAX_FAILURES = 2;
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
/**
 * A key that is deleted once more must be older than the call by this: a younger one may be somebody's new key,
 * created after the first delete by a server whose clock is slow.
 */
const MIN_AGE_MS = 60_000;

/**
 * Creates a key.
 * @throws KesError `KEY_EXISTS`; `KEY_CREATE_UNCERTAIN` when the answer was lost and cannot be looked up
 */
export async function createKey(caller: Caller, name: string, options: CallOptions): Promise<void> {
  const path = pathTo("/v1/key/create/", name, "KEY_NAME_INVALID");
  const change = new Change(caller, name, "KEY_CREATE_UNCERTAIN", options);
  return create(
    change,
    (part) => caller.command({ method: "POST", path, repeatable: false }, part),
    async () => true,
  );
}

/**
 * Stores a key whose bytes come from elsewhere.
 * @throws KesError as {@link createKey}; `KEY_CREATE_UNCERTAIN` also when a key is there by now and it cannot be
 *   proved that it has these bytes
 */
export async function importKey(
  caller: Caller,
  name: string,
  imported: ImportedKey,
  options: CallOptions,
): Promise<void> {
  const { key, algorithm = "AES256", hmacKey } = imported;
  if (key.length !== KEY_BYTES) throw new KesError("KEY_SIZE_INVALID", [algorithm]);
  if (hmacKey !== undefined && hmacKey.length !== KEY_BYTES)
    throw new KesError("KEY_SIZE_INVALID", ["SHA256"]);
  const path = pathTo("/v1/key/import/", name, "KEY_NAME_INVALID");
  const hmac = hmacKey === undefined ? {} : { hmac_key: base64(hmacKey) };
  const body = { key: base64(key), cipher: algorithm, ...hmac };
  const change = new Change(caller, name, "KEY_CREATE_UNCERTAIN", options);
  await create(
    change,
    (part) => caller.command({ method: "POST", path, body, repeatable: false }, part),
    (part) => holdsKey(caller, name, imported, part),
  );
}

/**
 * Deletes a key.
 * @throws KesError `KEY_NOT_FOUND`; `KEY_DELETE_UNCERTAIN` when the answer was lost and the key that is there now may
 *   be another one
 */
export async function deleteKey(caller: Caller, name: string, options: CallOptions): Promise<void> {
  const path = pathTo("/v1/key/delete/", name, "KEY_NAME_INVALID");
  const change = new Change(caller, name, "KEY_DELETE_UNCERTAIN", options);
  for (let attempts = 1; attempts <= MAX_ATTEMPTS; attempts++) {
    const failure = await change.attempt((part) =>
      caller.command({ method: "DELETE", path, repeatable: false }, part),
    );
    // `KEY_NOT_FOUND` after a lost answer: that one had deleted it.
    if (failure === undefined || (change.isDoubtful && isKesError(failure, "KEY_NOT_FOUND"))) return;
    const kind = change.judge(failure);
    const found = await change.lookUp(failure);
    if (found === undefined) return;
    if (!isOlder(found)) throw change.verdict(failure);
    if (kind === "failed" && attempts >= MAX_FAILURES) throw change.verdict(failure);
  }
  throw change.uncertain();
}

/** Size in bytes of both keys of an import. */
const KEY_BYTES = 32;

async function create(
  change: Change,
  send: (part: CallOptions) => Promise<void>,
  isTheKey: (part: CallOptions) => Promise<boolean>,
): Promise<void> {
  for (let attempts = 1; attempts <= MAX_ATTEMPTS; attempts++) {
    const failure = await change.attempt(send);
    if (failure === undefined) return;
    // After a lost answer, the key that is in the way may be the one that was asked for.
    const isInTheWay = change.isDoubtful && isKesError(failure, "KEY_EXISTS");
    const kind = isInTheWay ? "failed" : change.judge(failure);
    const found = await change.lookUp(failure);
    if (found !== undefined) {
      if (change.hasCreated(found) && (await change.ask(isTheKey))) return;
      throw new KesError("KEY_EXISTS", [], { cause: failure });
    }
    if (isInTheWay) break;
    if (kind === "failed" && attempts >= MAX_FAILURES) throw change.verdict(failure);
  }
  throw change.uncertain();
}

/** A key as it was found after a lost answer. */
interface Found {
  readonly info: KeyInfo;
  /** When the change began by the clock of the server that told, at the earliest; absent when it tells no time. */
  readonly beganMs?: number;
}

/** A change of one key, whose outcome may come to be in doubt. */
class Change {
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
    // Another kind of success than the one that servers give says as little as no answer.
    const isLost = LOST.has(failure.code) || (failure.status >= 200 && failure.status < 300);
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
      const part = { ...this.#options, timeoutMs: this.#deadline.part() };
      const reply = await this.#caller.send({ method: "GET", path }, part);
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

  /** The answer to a further question. @throws KesError {@link uncertain} when it cannot be told */
  async ask(question: (part: CallOptions) => Promise<boolean>): Promise<boolean> {
    try {
      return await question({ ...this.#options, timeoutMs: this.#deadline.part() });
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

function isOlder({ info, beganMs }: Found): boolean {
  return beganMs !== undefined && Date.parse(info.createdAt) + MIN_AGE_MS < beganMs;
}
