/** Tells the other nodes of a cluster which keys have changed, best effort, each node at its own pace. */
import { isDeepStrictEqual } from "node:util";
import type { Transport } from "../../client/transport.js";
import type { ClusterConfig } from "../../config/config.js";
import type { KeyName } from "../../names.js";
import type { OpenPeers, PeerNotifier } from "../../server/peer-notifier.js";

const PATH = "/v1/key/changed/";
/** Of one message, connection and repeats included. */
const TIMEOUT_MS = 5_000;
/** Names that wait for one node; more are not told. */
const MAX_WAITING = 10_000;
/** Messages under way to one node. */
const MAX_UNDER_WAY = 8;
/** How often it is said that a node is not reached. */
const TELL_EVERY_MS = 60_000;

type Log = Parameters<OpenPeers>[0];

/** Makes a way to one node. Injected by tests. */
export type Connect = (
  cluster: ClusterConfig,
  peer: string,
) => Promise<Pick<Transport, "send" | "close" | "identity">>;

/** Over the SDK, which is loaded by servers that have other nodes and by no others. */
const connectBySdk: Connect = async (cluster, peer) => {
  const { createTransport } = await import("../../client/http-transport.js");
  const { certFile, keyFile, password, caPath } = cluster;
  return createTransport({
    endpoints: peer,
    certificate: certFile,
    key: keyFile,
    ...(password === undefined ? {} : { password }),
    ...(caPath === undefined ? {} : { ca: caPath }),
    timeoutMs: TIMEOUT_MS,
  });
};

/** @param connect - for tests */
export function peersOf(
  log: Log,
  connect: Connect = connectBySdk,
  now = () => performance.now(),
): PeerNotifier {
  let cluster: ClusterConfig | undefined;
  let peers: readonly Peer[] = [];
  const closing = new Set<Promise<void>>();
  const leave = (): void => {
    for (const peer of peers) {
      const closed = peer.close().finally(() => closing.delete(closed));
      closing.add(closed);
    }
    peers = [];
  };
  return {
    use(config) {
      // Also called for new certificates, which the SDK notices by itself.
      if (isDeepStrictEqual(config.cluster, cluster)) return;
      cluster = config.cluster;
      leave();
      const settings = cluster;
      if (settings === undefined) return;
      peers = settings.peers.map((url) => new Peer(url, () => connect(settings, url), log, now));
    },
    tell(name) {
      for (const peer of peers) peer.tell(name);
    },
    async close() {
      leave();
      await Promise.all(closing);
    },
  };
}

class Peer {
  readonly #url: string;
  readonly #log: Log;
  readonly #now: () => number;
  readonly #connect: () => ReturnType<Connect>;
  #transport: ReturnType<Connect> | undefined;
  /** A name that changes twice before it is told is told once. */
  readonly #waiting = new Set<KeyName>();
  #underWay = 0;
  #lost = 0;
  #warnedMs = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  constructor(url: string, connect: () => ReturnType<Connect>, log: Log, now: () => number) {
    this.#url = url;
    this.#connect = connect;
    this.#log = log;
    this.#now = now;
  }

  tell(name: KeyName): void {
    if (this.#waiting.size >= MAX_WAITING) this.#lost++;
    else this.#waiting.add(name);
    while (this.#underWay < MAX_UNDER_WAY && this.#waiting.size > 0) void this.#sendAll();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#waiting.clear();
    const transport = await this.#transport?.catch(() => undefined);
    await transport?.close();
  }

  async #sendAll(): Promise<void> {
    this.#underWay++;
    for (const name of this.#waiting) {
      this.#waiting.delete(name);
      await this.#send(name);
    }
    this.#underWay--;
  }

  async #send(name: KeyName): Promise<void> {
    try {
      this.#transport ??= this.#connect();
      const transport = await this.#transport;
      if (this.#isClosed) return;
      const path = `${PATH}${name}`;
      const reply = await transport.send({ method: "PUT", path, repeatable: true });
      if (reply.status === 200) return this.#told();
      const { errorOfReply } = await import("../../client/answer-errors.js");
      const who = reply.status === 403 ? `; a policy there must allow ${transport.identity} ${PATH}*` : "";
      this.#failed(errorOfReply(reply).message + who);
    } catch (error) {
      if (!this.#isClosed) this.#failed(error instanceof Error ? error.message : String(error));
    }
  }

  #told(): void {
    if (this.#lost === 0) return;
    this.#log.info(
      `the node ${this.#url} is told of changed keys again; ${this.#lost} were not told, and are noticed as without 'cluster.peers'`,
    );
    this.#lost = 0;
    this.#warnedMs = Number.NEGATIVE_INFINITY;
  }

  /** What waits would meet the same, and be old by the time it did not. */
  #failed(reason: string): void {
    this.#lost += 1 + this.#waiting.size;
    this.#waiting.clear();
    if (this.#now() - this.#warnedMs < TELL_EVERY_MS) return;
    this.#warnedMs = this.#now();
    this.#log.warn(`the node ${this.#url} cannot be told of changed keys: ${reason}`);
  }
}
