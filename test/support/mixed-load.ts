/** Many clients that use keys at random and hold every answer against what it must be. */
import { randomBytes, randomInt } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { KesClient } from "../../src/client/index.js";
import { isKesError } from "../../src/errors.js";

export interface LoadClient {
  readonly client: KesClient;
  /** Who the servers must see. */
  readonly identity: string;
  /** The group it is counted in. */
  readonly group: string;
}

export type Operation = "generate" | "decrypt" | "describe" | "describe, absent" | "create";

/** What became of the calls of one kind in one group. */
export interface LoadTally {
  readonly group: string;
  readonly operation: Operation;
  /** Calls with the right answer. */
  done: number;
  /** Calls that failed, by code. */
  readonly failures: Map<string, number>;
  readonly wrong: string[];
  /** Milliseconds, retries included. */
  readonly latencies: number[];
}

export interface CreatedKey {
  readonly name: string;
  readonly createdBy: string;
}

export interface KeptDek {
  readonly key: string;
  readonly context: Buffer;
  readonly plaintext: Buffer;
  readonly ciphertext: Buffer;
}

/** Ciphertexts that are decrypted again, by whichever client. */
const MAX_KEPT = 2_000;
/** Said in full; the number of all is told anyhow. */
const MAX_TOLD = 20;

export class MixedLoad {
  readonly keys: CreatedKey[] = [];
  readonly deks: KeptDek[] = [];
  /** The first failures in words. */
  readonly told: string[] = [];
  readonly #tallies = new Map<string, LoadTally>();
  readonly #clients: readonly LoadClient[];
  readonly #pauseMs: number;
  #running: Promise<unknown> = Promise.resolve();
  #isOver = false;
  #named = 0;

  /** @param pauseMs - mean pause of each client between two calls */
  constructor(clients: readonly LoadClient[], pauseMs: number) {
    this.#clients = clients;
    this.#pauseMs = pauseMs;
  }

  get tallies(): readonly LoadTally[] {
    return [...this.#tallies.values()];
  }

  /** Calls that came back, with whatever outcome. */
  get calls(): number {
    return this.tallies.reduce((sum, { latencies }) => sum + latencies.length, 0);
  }

  /** A few keys first, then everybody begins. */
  async start(): Promise<void> {
    const [first] = this.#clients;
    if (first === undefined) throw new Error("no clients");
    for (let i = 0; i < 10; i++) await this.#call(first, "create");
    await this.#call(first, "generate");
    this.#running = Promise.all(this.#clients.map((client) => this.#loop(client)));
  }

  /** Waits for the calls under way. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  async #loop(client: LoadClient): Promise<void> {
    await delay(randomInt(this.#pauseMs));
    while (!this.#isOver) {
      await this.#call(client, choose());
      await delay(randomInt(Math.ceil(this.#pauseMs / 2), Math.ceil(this.#pauseMs * 1.5)));
    }
  }

  async #call(who: LoadClient, operation: Operation): Promise<void> {
    const tally = this.#tallyOf(who.group, operation);
    const startMs = performance.now();
    try {
      const wrong = await this.#perform(who, operation);
      if (wrong === undefined) tally.done += 1;
      else tally.wrong.push(wrong);
    } catch (error) {
      const code = isKesError(error) ? error.code : String(error);
      tally.failures.set(code, (tally.failures.get(code) ?? 0) + 1);
      if (this.told.length < MAX_TOLD) this.told.push(`${who.group}, ${operation}: ${wordsOf(error)}`);
    }
    tally.latencies.push(performance.now() - startMs);
  }

  /** @returns what is wrong with the answer */
  async #perform({ client, identity }: LoadClient, operation: Operation): Promise<string | undefined> {
    switch (operation) {
      case "create": {
        const name = `key-${this.#named++}`;
        await client.createKey(name);
        this.keys.push({ name, createdBy: identity });
        return undefined;
      }
      case "generate": {
        const { name } = pick(this.keys);
        const context = randomBytes(8);
        const { plaintext, ciphertext } = await client.generateKey(name, { context });
        const dek = { key: name, context, plaintext: Buffer.from(plaintext), ciphertext };
        if (this.deks.length < MAX_KEPT) this.deks.push(dek);
        else this.deks[randomInt(MAX_KEPT)] = dek;
        return plaintext.length === 32 ? undefined : `${name}: ${plaintext.length} bytes`;
      }
      case "decrypt": {
        const { key, context, plaintext, ciphertext } = pick(this.deks);
        const opened = await client.decrypt(key, ciphertext, { context });
        return opened.equals(plaintext) ? undefined : `${key}: other bytes`;
      }
      case "describe": {
        const { name, createdBy } = pick(this.keys);
        const info = await client.describeKey(name);
        if (info.name === name && info.createdBy === createdBy) return undefined;
        return `${name} of ${createdBy}: ${info.name} of ${info.createdBy}`;
      }
      case "describe, absent":
        return client.describeKey("absent").then(
          () => "a key that is not there",
          (error: unknown) => {
            if (!isKesError(error, "KEY_NOT_FOUND")) throw error;
            return undefined;
          },
        );
    }
  }

  #tallyOf(group: string, operation: Operation): LoadTally {
    const name = `${group} ${operation}`;
    let tally = this.#tallies.get(name);
    if (tally === undefined) {
      tally = { group, operation, done: 0, failures: new Map(), wrong: [], latencies: [] };
      this.#tallies.set(name, tally);
    }
    return tally;
  }
}

/** As object stores ask: mostly reads, each of which decrypts, many writes, now and then something else. */
function choose(): Operation {
  const dice = randomInt(100);
  if (dice < 50) return "decrypt";
  if (dice < 80) return "generate";
  if (dice < 90) return "describe";
  return dice < 94 ? "describe, absent" : "create";
}

function pick<T>(list: readonly T[]): T {
  const one = list[randomInt(list.length)];
  if (one === undefined) throw new Error("nothing to pick from");
  return one;
}

/** An error with its causes. */
function wordsOf(error: unknown): string {
  const words: string[] = [];
  for (let one = error; one instanceof Error && words.length < 5; one = one.cause) {
    words.push(isKesError(one) ? `${one.code} ${one.message}` : one.message);
  }
  return words.join(" < ");
}

/** The `share` quantile of numbers; NaN of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
