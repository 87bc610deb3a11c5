/** The process of the attackers. */
import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { h2Start } from "../../test/support/attacks.js";
import type { Credentials } from "../../test/support/raw-http1.js";
import type { AttackOptions, AttackReport } from "./attacker.js";
import type { Behaviour, Scene } from "./behaviour.js";
import { behaviours } from "./behaviours.js";
import { Line } from "./line.js";

/** Handshakes at a time. */
const BATCH = 20;
const NO_SETTINGS = Buffer.alloc(0);

let attack: Attack | undefined;
process.on("message", (what) => void take(what).then((answer) => process.send?.(answer)));
process.on("disconnect", () => process.exit(0));
process.send?.("started");

async function take(what: unknown): Promise<AttackReport> {
  if (typeof what === "object") {
    attack = new Attack(what as AttackOptions);
    await attack.connect();
  } else if (what === "attack") attack?.begin();
  else if (what === "leave") attack?.leave();
  return attack?.report() ?? { opened: 0, cut: 0, cameBack: 0 };
}

class Attack {
  readonly #behaviour: Behaviour;
  readonly #options: AttackOptions;
  readonly #lines: Line[] = [];
  readonly #sockets = new Set<Socket>();
  #isOver = false;
  #opened = 0;
  #cut = 0;
  #cameBack = 0;

  constructor(options: AttackOptions) {
    const behaviour = behaviours.find(({ name }) => name === options.name);
    if (behaviour === undefined) throw new Error(`nobody behaves like '${options.name}'`);
    this.#behaviour = behaviour;
    this.#options = options;
  }

  async connect(): Promise<void> {
    if (this.#behaviour.speaks === "tcp") return;
    const { connections } = this.#options;
    for (let left = connections; left > 0; left -= BATCH)
      await Promise.all(Array.from({ length: Math.min(left, BATCH) }, () => this.#join(false)));
  }

  begin(): void {
    const { play } = this.#behaviour;
    if (play === undefined) for (const line of this.#lines) this.#attackOn(line);
    else void this.#play(play);
  }

  report(): AttackReport {
    return { opened: this.#opened, cut: this.#cut, cameBack: this.#cameBack };
  }

  leave(): void {
    this.#isOver = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  async #join(isBack: boolean): Promise<void> {
    const { speaks, settings = NO_SETTINGS, isDeaf = false, comesBack = false } = this.#behaviour;
    const socket = await this.#shakeHands(speaks === "h2" ? "h2" : "http/1.1");
    if (this.#isOver) return;
    if (socket === undefined) return comesBack && isBack ? later(() => this.#join(true)) : undefined;
    const line = new Line(socket, isDeaf);
    if (speaks === "h2") line.send(h2Start(settings));
    this.#lines.push(line);
    socket.once("close", () => {
      if (this.#isOver) return;
      this.#cut++;
      if (!comesBack) return;
      this.#cameBack++;
      void this.#join(true);
    });
    if (isBack) this.#attackOn(line);
  }

  #attackOn(line: Line): void {
    const { start, flood, drip } = this.#behaviour;
    start?.(line);
    if (flood !== undefined) line.flood(flood);
    if (drip === undefined) return;
    const timer = setInterval(() => line.send(drip.bytes(line)), drip.everyMs);
    line.socket.once("close", () => clearInterval(timer));
  }

  async #play(play: (scene: Scene) => Promise<void>): Promise<void> {
    const isOver = (): boolean => this.#isOver;
    const scene: Scene = {
      get isOver() {
        return isOver();
      },
      hello: await clientHello(),
      connect: () => this.#connectTcp(),
      shakeHands: (alpn) => this.#shakeHands(alpn),
    };
    for (let i = 0; i < this.#options.connections; i++) void play(scene);
  }

  async #connectTcp(): Promise<Socket | undefined> {
    const socket = connectTcp({ host: "127.0.0.1", port: this.#options.port, noDelay: true });
    socket.on("error", () => undefined);
    socket.once("close", () => {
      if (!this.#isOver) this.#cut++;
    });
    const isOpen = await Promise.race([
      once(socket, "connect").then(
        () => true,
        () => false,
      ),
      once(socket, "close").then(() => false),
    ]);
    if (!isOpen) return undefined;
    this.#keep(socket);
    socket.resume();
    return socket;
  }

  #keep(socket: Socket): void {
    this.#opened++;
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    if (this.#isOver) socket.destroy();
  }

  #shakeHands(alpn: "h2" | "http/1.1"): Promise<TLSSocket | undefined> {
    const { port, stranger, admin } = this.#options;
    const { certPem: cert, keyPem: key }: Credentials =
      this.#behaviour.isEntitled === true ? admin : stranger;
    const options = { host: "127.0.0.1", port, cert, key, rejectUnauthorized: false, ALPNProtocols: [alpn] };
    return new Promise((resolve) => {
      const socket = connectTls(options, () => {
        this.#keep(socket);
        socket.off("close", gone);
        socket.setNoDelay(true);
        resolve(socket);
      });
      const gone = (): void => resolve(undefined);
      socket.on("error", () => undefined);
      socket.once("close", gone);
    });
  }
}

function later(what: () => Promise<void>): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20)).then(what);
}

/** What a client of TLS sends first. */
function clientHello(): Promise<Buffer> {
  return new Promise((resolve) => {
    const wire = new Duplex({
      read: () => undefined,
      write: (bytes: Buffer, _, done) => {
        resolve(bytes);
        done();
      },
    });
    connectTls({ socket: wire, rejectUnauthorized: false, ALPNProtocols: ["h2"] }).on(
      "error",
      () => undefined,
    );
  });
}
