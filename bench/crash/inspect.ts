/** Holds what children have said against what a fresh server finds in their key folder. */
import { readdirSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { realEnvironment } from "../../keystores/fs/index.js";
import { FsKeystore } from "../../keystores/fs/store.js";
import { nodeFileSystem } from "../../keystores/fs/system.js";
import { secureRandom } from "../../src/crypto/random.js";
import { isKesError } from "../../src/errors.js";
import { systemClock } from "../../src/keys/clock.js";
import { defaultCacheTimes } from "../../src/keys/options.js";
import { KeyService } from "../../src/keys/service.js";
import type { Keystore } from "../../src/keystore/contract.js";
import { type KeyName, keyName } from "../../src/names.js";
import { ABSENT, type Journal, KEY, type State } from "./journal.js";
import { CONTEXT, fingerprint, isWhole, sealedText } from "./values.js";

/** What was found. */
export interface Findings {
  /** Keys in their acknowledged state. */
  readonly verified: number;
  /** Of these, keys that opened what was sealed under them. */
  readonly opened: number;
  /** Keys in the state of a change that had no answer yet when its server was killed. */
  readonly unacknowledged: number;
  readonly listed: number;
  /** Values that are not whole, or keys that cannot be read as such. */
  readonly torn: number;
  /** Acknowledged and lost, torn, wrong, listed but unreadable: none of it may happen. */
  readonly violations: readonly string[];
}

const HOUR_MS = 60 * 60 * 1000;

/** One look at a whole key folder. */
export class Inspection {
  readonly #store: Keystore;
  readonly #keys: KeyService;
  readonly #journal: Journal;
  readonly #violations: string[] = [];
  #opened = 0;
  #torn = 0;

  private constructor(store: Keystore, journal: Journal) {
    this.#store = store;
    this.#journal = journal;
    const complain = (message: string): void => void this.#violations.push(message);
    this.#keys = new KeyService({
      keystore: store,
      cache: defaultCacheTimes,
      clock: systemClock,
      random: secureRandom,
      log: { error: complain, warn: complain },
    });
  }

  /** Looks at every key that the journal knows, and at every key that is listed. */
  static async of(path: string, journal: Journal): Promise<Findings> {
    const warnings: string[] = [];
    const inspection = new Inspection(await open(path, 0, (message) => warnings.push(message)), journal);
    try {
      const findings = await inspection.#look();
      return { ...findings, violations: [...findings.violations, ...warnings, ...journal.warnings] };
    } finally {
      await inspection.#keys.close();
    }
  }

  async #look(): Promise<Findings> {
    const violations = this.#violations;
    let verified = 0;
    let unacknowledged = 0;
    for (const text of this.#journal.names) {
      const name = named(text);
      const state = await this.#state(name);
      if (state === this.#journal.acknowledged(name)) verified++;
      else if (this.#journal.allows(name, state)) unacknowledged++;
      else violations.push(`${name}: acknowledged ${this.#journal.acknowledged(name)}, found ${state}`);
      if (state === KEY) await this.#open(name);
    }
    let listed = 0;
    for (let after: KeyName | undefined; ; ) {
      const page = await this.#keys.list({
        prefix: "",
        limit: 1000,
        ...(after === undefined ? {} : { after }),
      });
      for (const name of page.names) {
        listed++;
        const state = await this.#state(name);
        if (state === ABSENT) violations.push(`${name}: listed, but it cannot be read`);
        else if (!this.#journal.allows(name, state))
          violations.push(`${name}: nobody has made what is listed`);
      }
      if (!page.more) break;
      after = page.names.at(-1);
    }
    return { verified, opened: this.#opened, unacknowledged, listed, torn: this.#torn, violations };
  }

  async #state(name: KeyName): Promise<State> {
    try {
      if (name.startsWith("key-")) {
        await this.#keys.describe(name);
        return KEY;
      }
      const value = await this.#store.get(name);
      if (!isWhole(name, value)) {
        this.#torn++;
        this.#violations.push(`${name}: torn, ${value.length} bytes`);
      }
      return fingerprint(value);
    } catch (error) {
      if (isKesError(error, "KEY_NOT_FOUND")) return ABSENT;
      this.#torn++;
      this.#violations.push(`${name}: ${isKesError(error) ? `${error.code} ${String(error.cause)}` : error}`);
      return "unreadable";
    }
  }

  /** The key opens what its child has sealed under it, or for want of that seals and opens by itself. */
  async #open(name: KeyName): Promise<void> {
    const sealed = this.#journal.sealed(name) ?? (await this.#keys.encrypt(name, sealedText(name), CONTEXT));
    try {
      const text = await this.#keys.decrypt(name, sealed, CONTEXT);
      if (text.equals(sealedText(name))) this.#opened++;
      else this.#violations.push(`${name}: opened to something else`);
    } catch (error) {
      this.#violations.push(`${name}: does not open what was sealed under it (${String(error)})`);
    }
  }
}

/** Entries of a key folder that killed servers have left. */
export function leftovers(path: string): number {
  return readdirSync(path).filter((name) => name.startsWith(".")).length;
}

/** Opens a server two hours later, which removes leftovers, and counts what is left of them. */
export async function sweepLater(path: string): Promise<number> {
  const store = await open(path, 2 * HOUR_MS, () => {});
  for (const end = performance.now() + 10_000; leftovers(path) > 0 && performance.now() < end; )
    await setTimeout(5);
  await store.close();
  return leftovers(path);
}

function open(path: string, laterMs: number, warn: (message: string) => void): Promise<FsKeystore> {
  const env = { ...realEnvironment, wallClock: () => Date.now() + laterMs };
  return FsKeystore.open({ path }, { warn, system: nodeFileSystem, env });
}

function named(text: string): KeyName {
  const name = keyName(text);
  if (name === undefined) throw new Error(`not a key name: ${text}`);
  return name;
}
