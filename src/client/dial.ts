/** From an endpoint to a TLS connection. */
import { isIP } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import { KesError } from "../errors.js";
import type { Clock } from "./clock.js";
import type { Endpoint } from "./endpoints.js";
import { connectFault, earlyEnd } from "./faults.js";
import type { Material, MaterialSource } from "./material.js";
import { openTunnel } from "./tunnel.js";

export interface DialOptions {
  /** In place of what the endpoint's name resolves to. */
  readonly address?: string | undefined;
  readonly proxy: URL | undefined;
  readonly insecure: boolean;
  readonly http2: boolean;
  readonly connectMs: number;
}

/** A connection, and what it was made with. */
export interface Dialed {
  readonly socket: TLSSocket;
  readonly material: Material;
  /**
   * What has befallen the socket since. With TLS 1.3 a server's refusal of the client's certificate may come before
   * anybody else listens.
   */
  error(): unknown;
}

/** A TLS session that the next handshake may resume. */
interface Session {
  readonly ticket: Buffer;
  readonly material: Material;
  /** Milliseconds since the epoch: the end of the server's certificate, which a resumption does not check again. */
  readonly notAfterMs: number;
}

/** Makes connections to one endpoint. */
export class Dialer {
  readonly #endpoint: Endpoint;
  readonly #source: MaterialSource;
  readonly #options: DialOptions;
  readonly #clock: Clock;
  readonly #underWay = new Set<(fault: KesError) => void>();
  #session: Session | undefined;

  constructor(endpoint: Endpoint, source: MaterialSource, options: DialOptions, clock: Clock) {
    this.#endpoint = endpoint;
    this.#source = source;
    this.#options = options;
    this.#clock = clock;
  }

  /**
   * Connects, through the proxy if there is one, and checks the server's certificate.
   * @param http2 - false: HTTP/1.1 alone is offered, whatever the options say
   * @throws KesError `ENDPOINT_UNREACHABLE`, `SERVER_UNTRUSTED`, `CERTIFICATE_REFUSED`, or of the material
   */
  async dial(http2 = true): Promise<Dialed> {
    const material = await this.#source.current();
    const session = this.#session;
    const { connectMs } = this.#options;
    return new Promise((resolve, reject) => {
      const options = { ...this.#options, http2: http2 && this.#options.http2 };
      const attempt = new Attempt(this.#endpoint, material, options, (ticket, notAfterMs) => {
        this.#session = { ticket, material, notAfterMs };
      });
      const stop = (fault: KesError): void => {
        settled();
        attempt.cancel();
        reject(fault);
      };
      const cancelTimer = this.#clock.after(connectMs, () =>
        stop(new KesError("ENDPOINT_UNREACHABLE", [this.#endpoint.url, attempt.progress(connectMs)])),
      );
      const settled = (): void => {
        cancelTimer();
        this.#underWay.delete(stop);
      };
      this.#underWay.add(stop);
      const isGood = session?.material === material && this.#clock.wallNow() < session.notAfterMs;
      attempt.start(isGood ? session.ticket : undefined).then(
        (socket) => {
          settled();
          resolve({ socket, material, error: () => attempt.error });
        },
        (cause: unknown) => {
          settled();
          // A session that the server does not like must not spoil the next attempt too.
          this.#session = undefined;
          const faultOf = attempt.isConnected ? earlyEnd : connectFault;
          reject(faultOf(this.#endpoint.url, this.#endpoint.host, cause));
        },
      );
    });
  }

  /** Gives up what is under way. */
  close(fault: KesError): void {
    for (const stop of this.#underWay) stop(fault);
  }
}

type KeepSession = (ticket: Buffer, notAfterMs: number) => void;

/** One handshake. */
class Attempt {
  readonly #endpoint: Endpoint;
  readonly #material: Material;
  readonly #options: DialOptions;
  readonly #keepSession: KeepSession;
  #cancel: () => void = () => {};
  isConnected = false;
  #isCancelled = false;
  error: unknown;

  constructor(endpoint: Endpoint, material: Material, options: DialOptions, keepSession: KeepSession) {
    this.#endpoint = endpoint;
    this.#material = material;
    this.#options = options;
    this.#keepSession = keepSession;
  }

  /** What was waited for in vain. */
  progress(ms: number): string {
    return this.isConnected ? `no TLS handshake within ${ms} ms` : `no connection within ${ms} ms`;
  }

  cancel(): void {
    this.#isCancelled = true;
    this.#cancel();
  }

  async start(ticket: Buffer | undefined): Promise<TLSSocket> {
    const { proxy, insecure, http2, address } = this.#options;
    const { host, port } = this.#endpoint;
    const peer = address ?? host;
    const tunnel = proxy === undefined ? undefined : openTunnel({ ...this.#endpoint, host: peer }, proxy);
    if (tunnel !== undefined) this.#cancel = tunnel.cancel;
    const through = await tunnel?.socket;
    if (this.#isCancelled) through?.destroy();
    return new Promise((resolve, reject) => {
      const socket = connect({
        ...(through === undefined ? { port } : { socket: through }),
        host: peer,
        secureContext: this.#material.context,
        rejectUnauthorized: !insecure,
        ALPNProtocols: http2 ? ["h2", "http/1.1"] : ["http/1.1"],
        // RFC 6066: an address is no server name; Node then compares the certificate with it as `host`.
        ...(isIP(host) > 0 ? {} : { servername: host }),
        ...(ticket === undefined ? {} : { session: ticket }),
      });
      this.isConnected = through !== undefined;
      this.#cancel = () => socket.destroy();
      socket.setNoDelay(true);
      // Without it a server that vanished would leave its connections open here for ever.
      socket.setKeepAlive(true, 30_000);
      let notAfterMs = Number.POSITIVE_INFINITY;
      socket.on("session", (fresh: Buffer) => this.#keepSession(fresh, notAfterMs));
      socket.once("connect", () => {
        this.isConnected = true;
      });
      socket.once("secureConnect", () => {
        const end = Date.parse(socket.getPeerCertificate().valid_to ?? "");
        if (!Number.isNaN(end)) notAfterMs = end;
        resolve(socket);
      });
      socket.on("error", (cause) => {
        this.error ??= cause;
        reject(cause);
      });
      socket.once("close", () => reject(closed()));
    });
  }
}

function closed(): Error {
  return Object.assign(new Error("closed"), { code: "EPIPE" });
}
