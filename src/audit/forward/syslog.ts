/** A syslog server: RFC 5424 messages with octet counting (RFC 5425 over TLS, RFC 6587 over TCP and Unix sockets). */
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { frameOf } from "../file/line.js";
import { COLLECTOR_TIMEOUT_MS, type Collector, type CollectorTls } from "./collector.js";

export type SyslogAddress =
  | { readonly transport: "tls" | "tcp"; readonly host: string; readonly port: number }
  | { readonly transport: "unix"; readonly path: string };

const FACILITY_LOCAL0 = 16;
const WARNING = 4;
const INFORMATIONAL = 6;

/** Who speaks: HOSTNAME and PROCID of the messages. */
export interface SyslogSender {
  readonly hostname: string;
  readonly pid: number;
}

/** `line`, without its newline, as a message with its length before it. */
export function syslogFrame(line: Buffer, { hostname, pid }: SyslogSender): Buffer {
  const text = line.toString("latin1");
  const type = frameOf(line)?.type ?? "-";
  const time = /"time":"([0-9T:.Z-]{20,32})"/.exec(text)?.[1] ?? "-";
  // A quote within a value is escaped, so that no path can look like this.
  const code = Number(/"response":\{"code":(\d{3})/.exec(text)?.[1] ?? 0);
  const severity = type === "notice" || code >= 400 ? WARNING : INFORMATIONAL;
  const name = hostname.replace(/[^\x21-\x7e]/g, "").slice(0, 255) || "-";
  const head = Buffer.from(`<${FACILITY_LOCAL0 * 8 + severity}>1 ${time} ${name} keswick ${pid} ${type} - `);
  return Buffer.concat([Buffer.from(`${head.length + line.length} `), head, line]);
}

export class SyslogCollector implements Collector {
  readonly name = "syslog";
  readonly #address: SyslogAddress;
  readonly #tls: CollectorTls;
  readonly #sender: SyslogSender;
  #socket: Socket | undefined;

  constructor(address: SyslogAddress, tls: CollectorTls, sender: SyslogSender) {
    this.#address = address;
    this.#tls = tls;
    this.#sender = sender;
  }

  async send(lines: readonly Buffer[], signal: AbortSignal): Promise<void> {
    const socket = await this.#connected(signal);
    const frames = lines.map((line) => syslogFrame(line.subarray(0, -1), this.#sender));
    await settled(socket, signal, (done) => socket.write(Buffer.concat(frames), () => done()));
  }

  close(): void {
    this.#socket?.end();
    this.#socket = undefined;
  }

  async #connected(signal: AbortSignal): Promise<Socket> {
    if (this.#socket?.writable === true) return this.#socket;
    const address = this.#address;
    const socket = this.#dial();
    // A collector says nothing; reading is how its end is noticed.
    socket.resume();
    socket.on("end", () => socket.destroy());
    socket.on("error", () => undefined);
    try {
      const event = address.transport === "tls" ? "secureConnect" : "connect";
      await settled(socket, signal, (done) => socket.once(event, done));
    } catch (error) {
      socket.destroy();
      throw error;
    }
    socket.setKeepAlive(true, 30_000);
    this.#socket = socket;
    socket.once("close", () => {
      if (this.#socket === socket) this.#socket = undefined;
    });
    return socket;
  }

  #dial(): Socket {
    const address = this.#address;
    if (address.transport === "unix") return connectTcp({ path: address.path });
    const { host, port } = address;
    return address.transport === "tcp"
      ? connectTcp({ host, port })
      : connectTls({
          host,
          port,
          servername: /^[\d.]+$|:/.test(host) ? "" : host,
          minVersion: "TLSv1.2",
          ...this.#tls,
        });
  }
}

/** Resolves when `start`'s callback is called; rejects when the socket fails, time is up or nobody waits any more. */
function settled(socket: Socket, signal: AbortSignal, start: (done: () => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (error?: Error): void => {
      clearTimeout(timer);
      socket.off("error", end);
      socket.off("close", onClose);
      signal.removeEventListener("abort", onAbort);
      if (error === undefined) resolve();
      else {
        socket.destroy();
        reject(error);
      }
    };
    const onClose = (): void => end(new Error("the collector closed the connection"));
    const onAbort = (): void => end(new Error("the server ends"));
    const late = (): void => end(new Error(`the collector did not answer within ${COLLECTOR_TIMEOUT_MS} ms`));
    const timer = setTimeout(late, COLLECTOR_TIMEOUT_MS);
    socket.once("error", end);
    socket.once("close", onClose);
    signal.addEventListener("abort", onAbort, { once: true });
    start(() => end());
  });
}
