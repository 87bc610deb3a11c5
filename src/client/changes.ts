/** Create, import and delete: never repeated blindly; an outcome that was lost is looked up. */
import { isKesError, KesError } from "../errors.js";
import { base64 } from "./base64.js";
import { type Caller, pathTo } from "./caller.js";
import { Change, type Found } from "./change.js";
import { checkHmacKey, holdsKey } from "./imported-key.js";
import type { CallOptions, ImportedKey } from "./types.js";

/** Size in bytes of both keys of an import. */
const KEY_BYTES = 32;
/** How often a change is asked for at most, when answers are lost. */
const MAX_ATTEMPTS = 3;
/** And when a server fails: once more, for there may be another endpoint. More would hide an outage. */
const MAX_FAILURES = 2;
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
 *   proved that it has these bytes; `ANSWER_UNEXPECTED` when the server has left out the HMAC key
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
  if (hmacKey !== undefined) await checkHmacKey(caller, name, hmacKey, () => change.rest());
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

function isOlder({ info, beganMs }: Found): boolean {
  return beganMs !== undefined && Date.parse(info.createdAt) + MIN_AGE_MS < beganMs;
}
