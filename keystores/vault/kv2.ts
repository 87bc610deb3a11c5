/** KV version 2: check-and-set decides races; version 1 of an entry is the key (KES keystore reference §6.5 to §6.7). */
import { KesError } from "../../src/errors.js";
import { unusable } from "../../src/keystore/faults.js";
import type { KeyName } from "../../src/names.js";
import { isAbsent, isDoubtful, isPassing, objectOf, refusal, type VaultAnswer } from "./answer.js";
import { networkFault, pause } from "./calls.js";
import { VaultNetworkError } from "./http.js";
import { deleteAt, fieldOf, joined, type KvEngine, type KvEntry, type KvPlace, readAt } from "./kv.js";
import { expectRoom, type Newest, readNewest, writeRewrapped } from "./kv2-rewrap.js";
import { originOf } from "./mark.js";
import type { CallScope } from "./transit.js";

const MAX_ATTEMPTS = 3;

export class Kv2 implements KvEngine {
  readonly hasAtomicCreate = true;
  readonly #place: KvPlace;

  constructor(place: KvPlace) {
    this.#place = place;
  }

  get listPath(): string {
    return joined(this.#place.engine, "metadata", this.#place.prefix);
  }

  async read(name: KeyName, scope: CallScope): Promise<string> {
    const first = await this.#first(name, scope);
    if (first !== undefined) return first;
    const newest = await readNewest(this.#place, name, { ...this.#scope, ...scope });
    // Created between the two reads.
    if (newest.version === 1) return firstOf(newest, name);
    if (newest.rewrapped !== undefined) return newest.rewrapped.text;
    throw pruned(name);
  }

  async readRewrapped(name: KeyName, first: string, scope: CallScope): Promise<string | undefined> {
    const { rewrapped } = await readNewest(this.#place, name, { ...this.#scope, ...scope });
    return rewrapped?.origin === originOf(first) ? rewrapped.text : undefined;
  }

  async entry(name: KeyName, scope: CallScope): Promise<KvEntry> {
    const newest = await readNewest(this.#place, name, { ...this.#scope, ...scope });
    const { version, rewrapped } = newest;
    const first = version === 1 ? firstOf(newest, name) : await this.#first(name, scope);
    if (first === undefined) {
      if (rewrapped === undefined) throw pruned(name);
      return { first, rewrapped: rewrapped.text, origin: rewrapped.origin, version };
    }
    const origin = originOf(first);
    return { first, rewrapped: rewrapped?.origin === origin ? rewrapped.text : undefined, origin, version };
  }

  async expectRewrappable(name: KeyName, entry: KvEntry, scope: CallScope): Promise<void> {
    await expectRoom(this.#place, name, entry, { ...this.#scope, ...scope });
  }

  async rewrap(name: KeyName, entry: KvEntry, text: string): Promise<boolean> {
    return writeRewrapped(this.#place, name, entry, text, this.#scope);
  }

  async create(name: KeyName, text: string): Promise<void> {
    let isOpen = false;
    let last: unknown;
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      if (attempt > 1) await pause(this.#place.env, attempt - 1);
      let answer: VaultAnswer;
      try {
        // One attempt a time: what a lost answer means is decided here and not below.
        answer = await this.#write(name, text);
      } catch (error) {
        last = error;
        if (!(error instanceof VaultNetworkError))
          throw isOpen ? new Error("vault: outcome unknown", { cause: error }) : error;
        isOpen ||= error.sent;
        continue;
      }
      if (answer.status === 200) return;
      if (answer.status === 400 && answer.errors.some((each) => /check-and-set/.test(each))) {
        return this.#settle(name, text, isOpen);
      }
      if (!isDoubtful(answer) && !isPassing(answer)) return this.#refused(name, text, answer, isOpen);
      isOpen ||= isDoubtful(answer);
      last = refusal(answer);
    }
    if (!isOpen) throw last instanceof KesError ? last : networkFault(last);
    return this.#settle(name, text, true);
  }

  async delete(name: KeyName): Promise<void> {
    const { session, engine, prefix } = this.#place;
    await deleteAt(session, joined(engine, "metadata", prefix, name), this.#scope);
  }

  /** Without the permission to update, Vault refuses a write to an entry that exists before it looks at check-and-set. */
  async #refused(name: KeyName, text: string, answer: VaultAnswer, isOpen: boolean): Promise<void> {
    if (isOpen) return this.#settle(name, text, true);
    if (answer.status !== 403) throw refusal(answer);
    let stored: string;
    try {
      stored = await this.read(name, {});
    } catch {
      // Whatever reading says, it was the write that was refused.
      throw refusal(answer);
    }
    if (stored !== text) throw new KesError("KEY_EXISTS");
  }

  /**
   * After a write that was refused because there is an entry, or whose answers were lost.
   * @param isOpen - an earlier attempt may have stored the text
   * @throws KesError `KEY_EXISTS`, or what is certain; another Error when nothing is
   */
  async #settle(name: KeyName, text: string, isOpen: boolean): Promise<void> {
    let stored: string;
    try {
      stored = await this.read(name, {});
    } catch (error) {
      if (!isOpen) {
        if (!(error instanceof KesError) || error.code !== "KEY_NOT_FOUND") throw error;
        throw unusable(`vault: the key '${name}' was deleted by somebody while it was created`, error);
      }
      throw new Error("vault: the answer to the create was lost, and the entry cannot be read", {
        cause: error,
      });
    }
    // The text holds bytes drawn for this key, so nobody else has stored the same: an answer to us was lost, or
    // something on the way sent our request twice.
    if (stored !== text) throw new KesError("KEY_EXISTS");
  }

  /**
   * Always the first version: whatever somebody wrote over a key, its data is sealed under the one that was created.
   * @returns undefined when there is no such version
   */
  async #first(name: KeyName, scope: CallScope): Promise<string | undefined> {
    const { session } = this.#place;
    const query = { version: "1" };
    const answer = await readAt(session, this.#data(name), { ...this.#scope, ...scope, query });
    const data = objectOf(answer.body?.data);
    if (answer.status === 200) return fieldOf(data?.data, name, answer);
    if (answer.status === 404 && data?.metadata !== undefined)
      throw gone(answer, name, objectOf(data.metadata));
    if (!isAbsent(answer)) throw refusal(answer);
    return undefined;
  }

  async #write(name: KeyName, text: string): Promise<VaultAnswer> {
    const body = { options: { cas: 0 }, data: { [name]: text } };
    const request = { method: "POST", path: this.#data(name), body, ...this.#scope } as const;
    return this.#place.session.send(request, { attempts: 1 });
  }

  #data(name: KeyName): string {
    return joined(this.#place.engine, "data", this.#place.prefix, name);
  }

  get #scope(): CallScope {
    const { namespace } = this.#place;
    return namespace === undefined ? {} : { namespace };
  }
}

/** The text of version 1, which is the newest. */
function firstOf({ answer, document, metadata }: Newest, name: KeyName): string {
  if (answer.status !== 200) throw gone(answer, name, metadata);
  return fieldOf(document, name, answer);
}

function pruned(name: KeyName): KesError {
  return unusable(
    `vault: the key '${name}' was written over so often that its first version is gone (max_versions): ` +
      "restore it from a backup; the latest version is another key",
  );
}

/** Version 1 is there but cannot be read: an outage to the caller, for "no such key" would let it make another. */
function gone(
  answer: VaultAnswer,
  name: KeyName,
  metadata: Readonly<Record<string, unknown>> | undefined,
): KesError {
  const isDestroyed = metadata?.destroyed === true;
  const what = isDestroyed
    ? `was destroyed: restore it from a backup, or remove the entry with 'vault kv metadata delete'`
    : `was deleted without its metadata: bring it back with 'vault kv undelete -versions=1'`;
  return unusable(`vault: ${answer.request}: version 1 of the key '${name}' ${what}`);
}
