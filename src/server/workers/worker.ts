/** A worker process: serves the connections that the primary passes to it, under its orders. */
import type { Socket } from "node:net";
import type { ErrorLog } from "../../audit/error-log.js";
import type { Config } from "../../config/config.js";
import { configOfData } from "../../config/transfer.js";
import { KesError } from "../../errors.js";
import type { Keystore } from "../../keystore/contract.js";
import type { KeyName } from "../../names.js";
import type { OpenPeers } from "../peer-notifier.js";
import type { StagedState } from "../server-options.js";
import { KeyServer } from "../start.js";
import { AuditPipe } from "./audit-pipe.js";
import { Channel, type Port } from "./channel.js";
import { LogLines } from "./log-lines.js";
import type { Orders, StartOrders, WorkerSide } from "./protocol.js";

export interface WorkerOptions {
  /** To the primary. */
  readonly port: Port;
  readonly open: (config: Config, errorLog: ErrorLog) => Promise<Keystore>;
  /** Tells other nodes of changed keys. */
  readonly peers?: OpenPeers;
  /** Called once, when it can serve. */
  readonly onStarted?: () => void;
  /** Ends this process. */
  readonly exit: () => void;
}

/** Closed connections are told together. */
const TELL_MS = 5;

/** Waits for the primary's orders. */
export class Worker {
  readonly #options: WorkerOptions;
  readonly #channel: Channel<WorkerSide>;
  readonly #lines: LogLines;
  readonly #audit: AuditPipe;
  #server: KeyServer | undefined;
  #staged: StagedState | undefined;
  /** Keys that changed while the server was being prepared. */
  readonly #early = new Set<KeyName>();
  #failing = false;
  #closed = 0;
  #teller: NodeJS.Timeout | undefined;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#channel = new Channel<WorkerSide>(
      options.port,
      {
        start: (orders) => this.#start(orders),
        stage: (orders) => this.#stage(orders),
        use: () => this.#use(),
        discard: () => this.#discard(),
        tls: (orders) => this.#running.useTls(readingOf(orders), orders.ticketSecret),
        tickets: (secret) => this.#running.renewTickets(secret),
        forget: (name) => this.#forget(name),
        figures: () => this.#running.figures(),
        ping: () => undefined,
        followed: (followed) => this.#lines.setFollowed(followed),
        ready: () => this.#ready(),
        close: () => this.#close(),
      },
      {
        connection: (id, socket) => this.#take(id, socket),
        deliver: ({ stream, lines, lost }) => this.#running.deliver(stream, lines, lost),
        failing: (failing) => {
          this.#failing = failing;
        },
      },
    );
    this.#lines = new LogLines({
      send: (lines, size) => this.#channel.note("lines", lines, size),
      unsentBytes: () => this.#channel.unsentBytes,
      follow: (stream, followed) => this.#channel.ask("follow", { stream, followed }),
    });
    this.#audit = new AuditPipe({
      append: (records) => this.#channel.ask("audit", records),
      record: (records, size) => this.#channel.note("audit", records, size),
      unsentBytes: () => this.#channel.unsentBytes,
      lose: (records) => this.#channel.note("auditLost", records),
    });
    // The primary has gone, or needs this worker no longer: what is under way is finished, nothing new can come.
    options.port.once("disconnect", () => void this.#end());
  }

  get #running(): KeyServer {
    if (this.#server === undefined) throw new Error("the worker has not been started");
    return this.#server;
  }

  async #start(orders: StartOrders): Promise<{ keystore: string }> {
    const { config, tls } = readingOf(orders);
    const { version, commit, startedAtMs, ticketSecret, degraded } = orders;
    this.#lines.setFollowed(orders.followed);
    this.#failing = orders.failing;
    const isFailing = (): boolean => this.#failing;
    this.#server = await KeyServer.prepare({
      ...{ version, commit, config, startedAtMs, ticketSecret, degraded },
      tlsMaterial: tls,
      open: this.#options.open,
      ...(this.#options.peers === undefined ? {} : { peers: this.#options.peers }),
      auditSink: this.#audit,
      stdout: this.#lines.stdout,
      stderr: this.#lines.stderr,
      siblings: {
        // A primary that has gone takes all other workers with it.
        forget: (name) => this.#channel.ask("forget", name).catch(() => undefined),
        figures: () => this.#channel.ask("figures", undefined),
        get failing() {
          return isFailing();
        },
        renewTickets: () => this.#channel.note("renewTickets", undefined),
        reload: () => this.#reload(),
        auditRelay: this.#lines.relay("audit"),
        errorRelay: this.#lines.relay("error"),
      },
    });
    for (const name of this.#early) this.#server.forget(name);
    this.#early.clear();
    this.#options.onStarted?.();
    return { keystore: this.#server.state.services.keys.description };
  }

  async #stage(orders: Orders): Promise<void> {
    this.#staged = await this.#running.stage(readingOf(orders), orders.ticketSecret);
  }

  #use(): { keystore: string } {
    if (this.#staged === undefined) throw new Error("nothing was staged");
    this.#staged.use();
    this.#staged = undefined;
    return { keystore: this.#running.state.services.keys.description };
  }

  async #discard(): Promise<void> {
    const staged = this.#staged;
    this.#staged = undefined;
    await staged?.discard();
  }

  #forget(name: KeyName): void {
    if (this.#server === undefined) this.#early.add(name);
    else this.#server.forget(name);
  }

  async #reload(): Promise<void> {
    try {
      await this.#channel.ask("reload", undefined);
    } catch (cause) {
      throw new KesError("RELOAD_FAILED", [], { cause });
    }
  }

  async #ready(): Promise<boolean> {
    return this.#running.state.services.keys.ready().then(
      () => true,
      () => false,
    );
  }

  #take(id: number, socket: Socket | undefined): void {
    this.#channel.note("taken", id);
    // The client left on the way.
    if (socket === undefined) return this.#tellClosed();
    socket.once("close", () => this.#tellClosed());
    if (this.#server === undefined) socket.destroy();
    else this.#server.accept(socket);
  }

  #tellClosed(): void {
    this.#closed += 1;
    this.#teller ??= setTimeout(() => {
      this.#teller = undefined;
      this.#channel.note("closed", this.#closed);
      this.#closed = 0;
    }, TELL_MS).unref();
  }

  async #close(): Promise<void> {
    await this.#server?.close();
    this.#audit.flush();
    this.#lines.flush();
  }

  async #end(): Promise<void> {
    await this.#server?.close().catch(() => undefined);
    this.#options.exit();
  }
}

function readingOf({ config, tls }: Orders): { config: Config; tls: Orders["tls"] } {
  return { config: configOfData(config), tls };
}
