/** What clients feel while a keystore fails: the same load for every keystore, and one row for each thing that happens. */
import { setTimeout as delay } from "node:timers/promises";
import type { KesClient } from "../../src/client/index.js";
import { isKesError } from "../../src/errors.js";
import { until } from "../../test/support/child-process.js";
import type { CleanUp } from "../../test/support/clean-up.js";
import type { CliSite } from "../../test/support/cli-site.js";
import { openServer } from "./server.js";

const READERS = 8;
const STEP_MS = 10_000;
/** As long as the server itself may try before it says that it does not know. */
const CREATE_TIMEOUT_MS = 30_000;
const BACK_TIMEOUT_MS = 60_000;
const LABEL_WIDTH = 36;
const WARM = "warm-key";

/** For a site whose keystore is to fail: the key is fetched again and again, and used for long when it cannot be. */
export const OUTAGE_CACHE = "cache:\n  expiry:\n    any: 2s\n    unused: 2s\n    offline: 5m\n";

interface Tally {
  decrypts: number;
  failedDecrypts: number;
  wrong: number;
  created: number;
  refused: number;
  unknown: number;
}

interface Dek {
  readonly plaintext: Buffer;
  readonly ciphertext: Buffer;
}

/** Readers of one warm key and a writer that creates keys, until {@link finish}. */
export class OutageLoad {
  readonly #site: CliSite;
  readonly #cleanUp: CleanUp;
  readonly #client: KesClient;
  readonly #warm: Dek;
  /** Names of keys whose create was acknowledged, with a DEK of each for which one could be had. */
  readonly #acknowledged = new Map<string, Dek | undefined>();
  readonly #workers: Promise<void>[];
  #tally = zero();
  #isOver = false;

  private constructor(site: CliSite, cleanUp: CleanUp, client: KesClient, warm: Dek) {
    this.#site = site;
    this.#cleanUp = cleanUp;
    this.#client = client;
    this.#warm = warm;
    this.#workers = [...Array.from({ length: READERS }, () => this.#read()), this.#write()];
  }

  /** Starts our server on a configured site, and the load; prints the table's head. */
  static async start(site: CliSite, cleanUp: CleanUp): Promise<OutageLoad> {
    const { client, stop } = await openServer(site);
    cleanUp.add(stop);
    await client.createKey(WARM);
    const warm = await client.generateKey(WARM);
    console.log(
      ["", "decrypts", "failed", "wrong", "created", "refused", "unknown", "back after"]
        .map((text, i) => (i === 0 ? text.padEnd(LABEL_WIDTH) : text.padStart(11)))
        .join(""),
    );
    return new OutageLoad(site, cleanUp, client, warm);
  }

  /** One row: ten seconds from `change` on; and how long after `mend` the first create succeeds. */
  async step(
    what: string,
    change: () => Promise<unknown>,
    mend?: () => Promise<unknown>,
  ): Promise<Readonly<Tally>> {
    const tally = zero();
    this.#tally = tally;
    await change();
    await delay(STEP_MS);
    let back = "";
    if (mend !== undefined) {
      await mend();
      const start = performance.now();
      const before = tally.created;
      await until("a create to succeed", async () => tally.created > before, BACK_TIMEOUT_MS);
      back = `${Math.round(performance.now() - start)} ms`;
    }
    const { decrypts, failedDecrypts, wrong, created, refused, unknown } = tally;
    const cells = [decrypts, failedDecrypts, wrong, created, refused, unknown, back];
    console.log(what.padEnd(LABEL_WIDTH) + cells.map((cell) => String(cell).padStart(11)).join(""));
    if (failedDecrypts + wrong > 0 || decrypts === 0) process.exitCode = 1;
    return tally;
  }

  /** Ends the load, and looks for every acknowledged key with a server that has none in memory. */
  async finish(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#workers);
    const { client, stop } = await openServer(this.#site);
    this.#cleanUp.add(stop);
    let lost = 0;
    let changed = 0;
    let compared = 0;
    for (const [name, dek] of this.#acknowledged) {
      try {
        await client.describeKey(name);
      } catch {
        lost++;
        continue;
      }
      if (dek === undefined) continue;
      compared++;
      const plaintext = await client.decrypt(name, dek.ciphertext).catch(() => undefined);
      if (plaintext?.equals(dek.plaintext) !== true) changed++;
    }
    console.log(
      `\nkeys acknowledged ${this.#acknowledged.size}, of them lost ${lost}; ` +
        `of ${compared} that had sealed something, ${changed} no longer open it`,
    );
    if (lost + changed > 0 || compared === 0) process.exitCode = 1;
  }

  async #read(): Promise<void> {
    while (!this.#isOver) {
      try {
        const plaintext = await this.#client.decrypt(WARM, this.#warm.ciphertext);
        this.#tally.decrypts++;
        if (!plaintext.equals(this.#warm.plaintext)) this.#tally.wrong++;
      } catch {
        this.#tally.failedDecrypts++;
      }
      await delay(5);
    }
  }

  async #write(): Promise<void> {
    for (let i = 0; !this.#isOver; i++) {
      const name = `new-${i}`;
      try {
        await this.#client.createKey(name, { timeoutMs: CREATE_TIMEOUT_MS });
        this.#tally.created++;
        // A key that is not warm may be out of reach just now; it must be there in the end all the same.
        this.#acknowledged.set(name, await this.#client.generateKey(name).catch(() => undefined));
      } catch (error) {
        if (isKesError(error, "KEY_CREATE_UNCERTAIN")) this.#tally.unknown++;
        else this.#tally.refused++;
      }
      await delay(50);
    }
  }
}

function zero(): Tally {
  return { decrypts: 0, failedDecrypts: 0, wrong: 0, created: 0, refused: 0, unknown: 0 };
}
