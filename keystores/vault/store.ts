/** Keys in Vault, laid out as KES lays them out. */
import { abortable } from "../../src/keystore/call.js";
import { checkName, checkValue, closedError } from "../../src/keystore/checks.js";
import type { Keystore, KeystoreAbilities, KeystorePage, ListOptions } from "../../src/keystore/contract.js";
import { unreached, unusable } from "../../src/keystore/faults.js";
import { PageSelection } from "../../src/keystore/listing.js";
import { type KeyName, keyName } from "../../src/names.js";
import { expectSuccess, isAbsent, objectOf, refusal } from "./answer.js";
import { networkFault, sendRepeatedly } from "./calls.js";
import type { VaultEnvironment } from "./environment.js";
import { type VaultHttp, VaultNetworkError } from "./http.js";
import { type KvEngine, readAt } from "./kv.js";
import { rewrapEntry } from "./rewrap.js";
import type { VaultSession } from "./session.js";
import { type CallScope, isTooOld, type Transit } from "./transit.js";
import { isTransitText, textOfValue, valueOfText } from "./value.js";

/** A name that nobody gives a key: reading it proves that keys can be read. */
const PROBE = "_keswick_probe";
/** Names asked for at once of a server that gives pages (OpenBao); Vault gives all of them whatever is asked. */
const PAGE_SIZE = 1_000;
/** Every state is a fact to us, and none a failure of the request (KES keystore reference §6.4). */
const HEALTH_QUERY = {
  uninitcode: "299",
  sealedcode: "299",
  standbycode: "299",
  drsecondarycode: "299",
  performancestandbycode: "299",
};

/** What a {@link VaultKeystore} is made of. */
export interface VaultParts {
  readonly endpoint: string;
  readonly namespace?: string;
  readonly http: VaultHttp;
  readonly env: VaultEnvironment;
  readonly session: VaultSession;
  readonly kv: KvEngine;
  readonly transit?: Transit;
}

export class VaultKeystore implements Keystore {
  readonly description: string;
  readonly abilities: KeystoreAbilities;
  readonly #parts: VaultParts;
  #closed = false;

  constructor(parts: VaultParts) {
    this.#parts = parts;
    this.description = `Hashicorp Vault: ${parts.endpoint}`;
    this.abilities = {
      atomicCreate: parts.kv.hasAtomicCreate,
      // Going back to KES must find the key as version 1, and that version cannot be written again.
      replace: false,
      durable: true,
      reportsMissingDelete: false,
    };
  }

  async status(signal?: AbortSignal): Promise<void> {
    await this.#reading(signal, async () => {
      await Promise.all([this.#health(signal), this.#probe(signal)]);
    });
  }

  async create(name: KeyName, value: Uint8Array, signal?: AbortSignal): Promise<void> {
    checkName(name);
    checkValue(value);
    const plain = textOfValue(value);
    this.#enter();
    const { kv, transit } = this.#parts;
    await abortable(signal, this.description, async (call) => {
      const text = transit === undefined ? plain : await transit.wrap(plain, this.#scope(signal));
      await call.commit(() => kv.create(name, text));
    });
  }

  async get(name: KeyName, signal?: AbortSignal): Promise<Uint8Array> {
    checkName(name);
    const { kv, transit } = this.#parts;
    return this.#reading(signal, async () => {
      const text = await kv.read(name, this.#scope(signal));
      if (!isTransitText(text)) return valueOfText(text);
      if (transit === undefined) {
        throw unusable(`vault: the key '${name}' is encrypted with a transit key: configure 'transit'`);
      }
      return valueOfText(await this.#unwrap(name, text, transit, this.#scope(signal)));
    });
  }

  /** With `transit` alone: without it nothing is encrypted. */
  get rewrap(): Keystore["rewrap"] {
    const { kv, transit, env } = this.#parts;
    if (transit === undefined) return undefined;
    return async (name, options, signal) => {
      checkName(name);
      this.#enter();
      const scope = this.#scope(signal);
      return abortable(signal, this.description, (call) =>
        rewrapEntry({ kv, transit, env }, name, options, { call, scope }),
      );
    };
  }

  async replace(): Promise<void> {
    throw unusable(
      "vault: values cannot be replaced: KES reads the first version of an entry, whatever follows it",
    );
  }

  async delete(name: KeyName, signal?: AbortSignal): Promise<void> {
    checkName(name);
    this.#enter();
    await abortable(signal, this.description, (call) => call.commit(() => this.#parts.kv.delete(name)));
  }

  async list(options: ListOptions, signal?: AbortSignal): Promise<KeystorePage> {
    const selection = new PageSelection(options);
    return this.#reading(signal, async () => {
      let after = options.after ?? beforeAll(options.prefix);
      for (;;) {
        const keys = await this.#entries(after, signal);
        for (const key of keys) selection.offer(key);
        const last = keys.at(-1);
        const [first] = keys;
        // More than was asked for, or from the beginning again: the server knows no pages and this was everything.
        const isWhole =
          keys.length !== PAGE_SIZE || (after !== undefined && first !== undefined && first <= after);
        if (isWhole || last === undefined) return selection.page();
        // Whatever comes later comes behind these names.
        const page = selection.page();
        if (page.more) return page;
        if (!last.startsWith(options.prefix) && last > options.prefix) return page;
        after = last;
      }
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#parts.session.close();
    await this.#parts.http.close();
  }

  /** @throws KesError unless Vault is initialised and unsealed. Asked without namespace: it knows none there. */
  async #health(signal: AbortSignal | undefined): Promise<void> {
    const { http, env } = this.#parts;
    const answer = await sendRepeatedly(http, env, {
      method: "GET",
      path: "sys/health",
      query: HEALTH_QUERY,
      ...(signal === undefined ? {} : { signal }),
    });
    if (answer.status !== 200 && answer.status !== 299) throw refusal(answer);
    if (answer.body?.initialized !== true)
      throw unreached("vault: not initialized: initialise and unseal it");
    if (answer.body.sealed !== false) throw unreached("vault: key store is sealed: unseal it");
  }

  /** @throws KesError unless the log-in may read keys */
  async #probe(signal: AbortSignal | undefined): Promise<void> {
    const probe = keyName(PROBE);
    if (probe === undefined) throw new TypeError("the probe must be a valid key name");
    await this.#parts.kv.read(probe, this.#scope(signal)).catch((error: unknown) => {
      if (!(error instanceof Error && "code" in error && error.code === "KEY_NOT_FOUND")) throw error;
    });
  }

  async #entries(after: string | undefined, signal: AbortSignal | undefined): Promise<readonly string[]> {
    const { session, kv } = this.#parts;
    const query = { list: "true", limit: String(PAGE_SIZE), ...(after === undefined ? {} : { after }) };
    const answer = await readAt(session, kv.listPath, { ...this.#scope(signal), query });
    // A folder that holds nothing does not exist.
    if (isAbsent(answer)) return [];
    const data = objectOf(expectSuccess(answer).body?.data);
    // OpenBao's answer for an empty folder of version 1.
    if (data !== undefined && Object.keys(data).length === 0) return [];
    const keys = data?.keys;
    if (!Array.isArray(keys) || !keys.every((key) => typeof key === "string")) {
      throw unusable(`vault: ${answer.request}: the listing has no 'keys'`);
    }
    return keys;
  }

  /** What a rewrap has put beside `text` counts when Vault opens `text` no longer. */
  async #unwrap(name: KeyName, text: string, transit: Transit, scope: CallScope): Promise<string> {
    try {
      return await transit.unwrap(text, scope);
    } catch (error) {
      if (!isTooOld(error)) throw error;
      const rewrapped = await this.#parts.kv.readRewrapped(name, text, scope);
      if (rewrapped === undefined) throw error;
      return transit.unwrap(rewrapped, scope);
    }
  }

  #reading<T>(signal: AbortSignal | undefined, task: () => Promise<T>): Promise<T> {
    this.#enter();
    return abortable(signal, this.description, async () => {
      try {
        return await task();
      } catch (error) {
        throw error instanceof VaultNetworkError ? networkFault(error) : error;
      }
    });
  }

  #enter(): void {
    if (this.#closed) throw closedError();
  }

  #scope(signal: AbortSignal | undefined): CallScope {
    const { namespace } = this.#parts;
    return {
      ...(namespace === undefined ? {} : { namespace }),
      ...(signal === undefined ? {} : { signal }),
    };
  }
}

/** A text that comes before every name with the prefix and after (nearly) everything that comes before them. */
function beforeAll(prefix: string): string | undefined {
  const last = prefix.charCodeAt(prefix.length - 1);
  if (Number.isNaN(last)) return undefined;
  // `~` comes after every character of a name.
  return `${prefix.slice(0, -1)}${String.fromCharCode(last - 1)}~`;
}
