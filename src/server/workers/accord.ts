/** Keeps workers of one mind: about the configuration, the ticket keys, and which keys have changed. */
import type { ErrorLog } from "../../audit/error-log.js";
import type { Config } from "../../config/config.js";
import { configToData } from "../../config/transfer.js";
import { secureRandom } from "../../crypto/random.js";
import type { KeyName } from "../../names.js";
import { type Reading, readingOf, scopeOf } from "../build-state.js";
import { TICKET_SECRET_BYTES } from "../ticket-keys.js";
import type { Crew } from "./crew.js";
import type { Orders, StartOrders } from "./protocol.js";
import { settledWithin } from "./settled.js";
import type { WorkerProcess } from "./worker-process.js";

/** A change beside the workers' that is ready. One of both must be called. */
export interface StagedChange {
  use(): void;
  discard(): Promise<void>;
}

export interface AccordOptions {
  readonly crew: Crew;
  readonly errorLog: ErrorLog;
  /** What is changed together with the workers. */
  readonly stage: (config: Config) => Promise<StagedChange>;
  /** A reading is in force. */
  readonly adopted: (reading: Reading) => void;
}

/** A worker that has not dropped a key after this is killed, so that it cannot serve it. */
const FORGET_TIMEOUT_MS = 5_000;
/** Whoever makes sessions end by showing ended certificates cannot do it more often. */
const MIN_RENEWAL_MS = 10_000;

export class Accord {
  readonly #options: AccordOptions;
  #reading: Reading;
  #orders: Orders;
  #keystore = "";
  #renewedMs = Number.NEGATIVE_INFINITY;
  #changes: Promise<unknown> = Promise.resolve();

  constructor(options: AccordOptions, reading: Reading) {
    this.#options = options;
    this.#reading = reading;
    this.#orders = ordersOf(reading, secureRandom(TICKET_SECRET_BYTES));
  }

  /** The configuration in force. */
  get config(): Config {
    return this.#reading.config;
  }

  /** Kind and place of the keystore. */
  get keystore(): string {
    return this.#keystore;
  }

  /** Gives a new worker its orders, and those that came while it was at it. */
  async bringUp(worker: WorkerProcess, more: Omit<StartOrders, keyof Orders>): Promise<void> {
    const orders = this.#orders;
    const { keystore } = await worker.channel.ask("start", { ...orders, ...more });
    this.#keystore = keystore;
    worker.orders = orders;
    while (worker.orders !== this.#orders) {
      await this.#exclusively(async () => {
        await worker.channel.ask("stage", this.#orders);
        await this.#use(worker);
      });
    }
  }

  /**
   * Has every worker make a state of what `load` gives, and then every worker use it; or none, when one cannot.
   * @throws ConfigError, or an Error that says why not
   */
  reload(load: () => Promise<Config>): Promise<void> {
    return this.#exclusively(async () => {
      const reading = await readingOf(await load());
      const orders = this.#ordersFor(reading);
      const own = await this.#options.stage(reading.config);
      const staged = await this.#stageEverywhere(orders).catch(async (error: unknown) => {
        await own.discard();
        throw error;
      });
      this.#adopt(reading, orders);
      await Promise.all(staged.map((worker) => this.#use(worker)));
      own.use();
    });
  }

  /** Replaces certificate, key and CAs alone. */
  refreshTls(load: () => Promise<Config>): Promise<void> {
    return this.#exclusively(async () => {
      const { tls } = await readingOf(await load());
      const reading = { config: this.config, tls };
      const orders = this.#ordersFor(reading);
      this.#adopt(reading, orders);
      await this.#demand(async (worker) => {
        await worker.channel.ask("tls", orders);
        worker.orders = orders;
      });
    });
  }

  /** Draws other ticket keys. Sessions made so far are not resumed. */
  renewTickets(): Promise<void> {
    this.#renewedMs = performance.now();
    return this.#exclusively(async () => {
      const orders = { ...this.#orders, ticketSecret: secureRandom(TICKET_SECRET_BYTES) };
      this.#orders = orders;
      await this.#demand(async (worker) => {
        await worker.channel.ask("tickets", orders.ticketSecret);
        worker.orders = orders;
      });
    });
  }

  /** The same where a client brought it about. */
  renewTicketsSoon(): void {
    if (performance.now() - this.#renewedMs > MIN_RENEWAL_MS) void this.renewTickets();
  }

  /** Resolves when no worker but `from` has the key in memory. */
  async forget(name: KeyName, from: WorkerProcess): Promise<void> {
    const { crew } = this.#options;
    const others = crew.all.filter((worker) => worker !== from);
    await Promise.all(
      others.map(async (worker) => {
        const told = worker.channel.ask("forget", name).catch(() => undefined);
        // It is told before its first connection, since messages keep their order.
        if (!worker.isUp) return;
        if (await settledWithin(told, FORGET_TIMEOUT_MS)) return;
        crew.kill(worker, "does not answer");
        await worker.ended;
      }),
    );
  }

  #ordersFor(reading: Reading): Orders {
    // A change of who is let in must not be outlived by old tickets.
    const same = scopeOf(reading) === scopeOf(this.#reading);
    return ordersOf(reading, same ? this.#orders.ticketSecret : secureRandom(TICKET_SECRET_BYTES));
  }

  #adopt(reading: Reading, orders: Orders): void {
    this.#reading = reading;
    this.#orders = orders;
    this.#options.adopted(reading);
  }

  /** @returns the workers that have a state of these orders ready. @throws what keeps one of them from it */
  async #stageEverywhere(orders: Orders): Promise<readonly WorkerProcess[]> {
    const workers = this.#options.crew.up;
    const staged = await Promise.allSettled(workers.map(({ channel }) => channel.ask("stage", orders)));
    const failed = staged.find((one, i) => one.status === "rejected" && workers[i]?.isUp === true);
    if (failed?.status !== "rejected") return workers.filter((_, i) => staged[i]?.status === "fulfilled");
    await Promise.allSettled(workers.map(({ channel }) => channel.ask("discard", undefined)));
    throw failed.reason;
  }

  /** Has a worker use what it has staged. One that cannot would go its own way. */
  async #use(worker: WorkerProcess): Promise<void> {
    const orders = this.#orders;
    try {
      const { keystore } = await worker.channel.ask("use", undefined);
      this.#keystore = keystore;
      worker.orders = orders;
    } catch (error) {
      if (worker.hasEnded) return;
      this.#options.errorLog.error("a worker process cannot use the new configuration", error);
      this.#options.crew.kill(worker, "cannot use the new configuration");
    }
  }

  /** What no worker may refuse. */
  async #demand(tell: (worker: WorkerProcess) => Promise<void>): Promise<void> {
    const { crew } = this.#options;
    await Promise.all(
      crew.up.map((worker) =>
        tell(worker).catch(() => {
          if (!worker.hasEnded) crew.kill(worker, "does not do as it is told");
        }),
      ),
    );
  }

  /** Changes happen one after the other. */
  #exclusively(change: () => Promise<void>): Promise<void> {
    const done = this.#changes.catch(() => undefined).then(change);
    this.#changes = done;
    return done;
  }
}

function ordersOf({ config, tls }: Reading, ticketSecret: Uint8Array): Orders {
  return { config: configToData(config), tls, ticketSecret };
}
