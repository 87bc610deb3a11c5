/** Rewrapped values in KV version 2: later versions of an entry, beside the first one, which KES goes on reading. */
import { KesError } from "../../src/errors.js";
import { unusable } from "../../src/keystore/faults.js";
import type { KeyName } from "../../src/names.js";
import { expectSuccess, isAbsent, isDoubtful, objectOf, refusal, type VaultAnswer } from "./answer.js";
import { networkFault } from "./calls.js";
import { VaultNetworkError } from "./http.js";
import { joined, type KvEntry, type KvPlace, readAt } from "./kv.js";
import { markedDocument, type Rewrapped, rewrappedIn } from "./mark.js";
import type { CallScope } from "./transit.js";

/** What Vault keeps of an entry where neither it nor the engine says. */
const DEFAULT_MAX_VERSIONS = 10;

/** The newest version of an entry. */
export interface Newest {
  readonly answer: VaultAnswer;
  readonly version: number;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Undefined when this version was deleted or destroyed. */
  readonly document: unknown;
  readonly rewrapped: Rewrapped | undefined;
}

/** @throws KesError `KEY_NOT_FOUND`, outage codes */
export async function readNewest(place: KvPlace, name: KeyName, scope: CallScope): Promise<Newest> {
  const answer = await readAt(place.session, joined(place.engine, "data", place.prefix, name), scope);
  if (isAbsent(answer)) throw new KesError("KEY_NOT_FOUND");
  if (answer.status !== 200 && answer.status !== 404) throw refusal(answer);
  const data = objectOf(answer.body?.data);
  const metadata = objectOf(data?.metadata);
  if (metadata === undefined || typeof metadata.version !== "number") throw refusal(answer);
  const document = answer.status === 200 ? data?.data : undefined;
  return { answer, version: metadata.version, metadata, document, rewrapped: rewrappedIn(document, name) };
}

/** @throws KesError when one more version would push the first one out, or Vault does not say */
export async function expectRoom(
  place: KvPlace,
  name: KeyName,
  entry: KvEntry,
  scope: CallScope,
): Promise<void> {
  if (entry.first === undefined) return;
  const { session, engine, prefix } = place;
  const ofEntry = await maxVersionsAt(place, joined(engine, "metadata", prefix, name), scope);
  const ofEngine = ofEntry > 0 ? 0 : expectCount(await readAt(session, joined(engine, "config"), scope));
  const max = ofEntry || ofEngine || DEFAULT_MAX_VERSIONS;
  if (entry.version < max) return;
  throw unusable(
    `vault: one more version of the key '${name}' would push out its first, which KES reads: raise max_versions, ` +
      `which is ${max}, with 'vault kv metadata put -max-versions=${entry.version + DEFAULT_MAX_VERSIONS}'`,
  );
}

/**
 * Writes `text` as the version after `entry.version`, or nothing.
 * @returns false when that version is there already, or the answer was lost
 * @throws KesError when nothing was written and once more does not help at once
 */
export async function writeRewrapped(
  place: KvPlace,
  name: KeyName,
  entry: KvEntry,
  text: string,
  scope: CallScope,
): Promise<boolean> {
  const { session, engine, prefix } = place;
  const data = markedDocument(name, { text, origin: entry.origin });
  const path = joined(engine, "data", prefix, name);
  const body = { options: { cas: entry.version }, data };
  let answer: VaultAnswer;
  try {
    answer = await session.send({ method: "POST", path, body, ...scope }, { attempts: 1 });
  } catch (error) {
    if (error instanceof VaultNetworkError && error.sent) return false;
    throw error instanceof VaultNetworkError ? networkFault(error) : error;
  }
  if (answer.status === 400 && answer.errors.some((each) => /check-and-set/.test(each))) return false;
  if (isDoubtful(answer)) return false;
  expectSuccess(answer);
  return true;
}

async function maxVersionsAt(place: KvPlace, path: string, scope: CallScope): Promise<number> {
  const answer = await readAt(place.session, path, scope);
  if (isAbsent(answer)) throw new KesError("KEY_NOT_FOUND");
  return expectCount(answer);
}

function expectCount(answer: VaultAnswer): number {
  const count = objectOf(expectSuccess(answer).body?.data)?.max_versions;
  if (typeof count === "number") return count;
  throw unusable(`vault: ${answer.request}: the answer has no 'max_versions'`);
}
