/** An S3 server for tests, in this process, on a free port of the loopback address. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { BlockList } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { secureRandom } from "../../src/crypto/random.js";
import type { KeyService } from "../../src/storage/keys/key-service.js";
import { StaticKeyService } from "../../src/storage/keys/static-key.js";
import { LocalObjects } from "../../src/storage/local/local-objects.js";
import type { ObjectService } from "../../src/storage/objects/object-service.js";
import { type AccessKeyEntry, AccessKeys } from "../../src/storage/server/access-keys.js";
import type { AccessRecord } from "../../src/storage/server/access-log.js";
import { FrontEnd } from "../../src/storage/server/front-end.js";
import { KeyServiceTimes } from "../../src/storage/server/key-service-times.js";
import { defaultLimits, type FrontEndLimits } from "../../src/storage/server/limits.js";
import { Listener } from "../../src/storage/server/listener.js";
import { ServerMetrics } from "../../src/storage/server/metrics.js";
import { DirectoryStore } from "../../src/storage/store/directory-store.js";
import type { ObjectStore } from "../../src/storage/store/object-store.js";
import { certificateAuthority, issuedBy } from "./certificates.js";
import { MemoryStore } from "./memory-store.js";
import { type S3Ask, type S3Endpoint, type S3Login, type S3Reply, s3Ask } from "./s3-client.js";

/** The root's; long enough for every client's own rules. */
export const ROOT: S3Login = { user: "test-root", password: "test-root-secret" };
export const KEY_NAME = "my-key";
/** Further keys that the static key service does not know are no keys of it. */
const KEK = Buffer.alloc(32, 7);

export interface S3ServerOptions {
  readonly tls?: boolean;
  /** `none`: no key service. Usual: one static key, {@link KEY_NAME}. */
  readonly keys?: KeyService | "none";
  /** Usual: one in memory. `folder`: one in a folder of its own. Closed at the end. */
  readonly store?: ObjectStore | "folder";
  /** In the place of a local service over the store. */
  readonly service?: (parts: { readonly keys: KeyService | undefined }) => ObjectService;
  readonly accessKeys?: readonly AccessKeyEntry[];
  readonly autoEncryption?: boolean;
  readonly region?: string;
  readonly domains?: readonly string[];
  readonly publicMetrics?: boolean;
  readonly trustedProxies?: BlockList;
  readonly limits?: Partial<FrontEndLimits>;
  readonly nowMs?: () => number;
}

export interface S3TestServer extends S3Endpoint {
  /** `http://127.0.0.1:PORT`, or `https://localhost:PORT`. */
  readonly url: string;
  /** Certificate of the authority as a file, for clients that want one; with `tls` alone. */
  readonly caFile: string | undefined;
  readonly service: ObjectService;
  readonly credentials: AccessKeys;
  /** Every request so far. */
  readonly log: readonly AccessRecord[];
  /** Failures of the server's own. */
  readonly failures: readonly unknown[];
  /** One request of the root's, or of whom `ask` says. */
  ask(method: string, target: string, ask?: S3Ask): Promise<S3Reply>;
  /** The record of the request that was logged last, once `count` are there. */
  logged(count: number): Promise<AccessRecord>;
  stop(): Promise<void>;
}

const GRACE_MS = 2_000;
const LOG_POLL_MS = 5;
const LOG_TIMEOUT_MS = 10_000;

export async function startS3Server(options: S3ServerOptions = {}): Promise<S3TestServer> {
  const metrics = new ServerMetrics();
  const times = new KeyServiceTimes((outcome, ms) => metrics.keyCall(outcome, ms));
  const keyService = options.keys ?? new StaticKeyService(KEY_NAME, KEK);
  const keys = keyService === "none" ? undefined : times.measured(keyService);
  const nowMs = options.nowMs ?? Date.now;
  const folder = options.store === "folder" ? await mkdtemp(join(tmpdir(), "keswick-objects-")) : undefined;
  const given = typeof options.store === "object" ? options.store : new MemoryStore();
  const store = folder === undefined ? given : await DirectoryStore.open(folder);
  const service =
    options.service?.({ keys }) ??
    new LocalObjects({
      store,
      keys,
      random: secureRandom,
      now: nowMs,
      autoEncryption: options.autoEncryption ?? false,
    });
  const log: AccessRecord[] = [];
  const failures: unknown[] = [];
  const limits = { ...defaultLimits, ...options.limits };
  const credentials = new AccessKeys(
    { accessKey: ROOT.user, secret: ROOT.password },
    options.accessKeys ?? [],
  );
  const frontEnd = new FrontEnd({
    service,
    credentials,
    owner: { id: "0".repeat(64), displayName: "test" },
    region: options.region,
    domains: options.domains ?? [],
    publicMetrics: options.publicMetrics ?? false,
    trustedProxies: options.trustedProxies,
    times,
    metrics,
    log: (record) => log.push(record),
    failed: (error) => failures.push(error),
    random: secureRandom,
    nowMs,
    limits,
  });
  const tls = options.tls === true ? await makeTls() : undefined;
  const listener = new Listener(frontEnd, limits, tls?.pair);
  const { port } = await listener.listen("127.0.0.1", 0);
  const endpoint: S3Endpoint =
    tls === undefined ? { host: "127.0.0.1", port } : { host: "localhost", port, ca: tls.ca };
  return {
    ...endpoint,
    url: `${tls === undefined ? "http" : "https"}://${endpoint.host}:${port}`,
    caFile: tls?.caFile,
    service,
    credentials,
    log,
    failures,
    ask: (method, target, ask) => s3Ask(endpoint, ROOT, method, target, ask),
    async logged(count) {
      const deadline = performance.now() + LOG_TIMEOUT_MS;
      while (log.length < count) {
        if (performance.now() > deadline) throw new Error(`${log.length} of ${count} requests were logged`);
        await new Promise((resolve) => setTimeout(resolve, LOG_POLL_MS));
      }
      const record = log[count - 1];
      if (record === undefined) throw new Error("no request was logged");
      return record;
    },
    async stop() {
      await listener.close(GRACE_MS);
      await service.close();
      if (folder !== undefined) await rm(folder, { recursive: true, force: true });
      if (tls !== undefined) await rm(tls.folder, { recursive: true, force: true });
    },
  };
}

async function makeTls() {
  const authority = certificateAuthority({ algorithm: "p256" });
  const leaf = issuedBy(authority, { algorithm: "p256", sans: ["localhost", "127.0.0.1"] });
  const folder = await mkdtemp(join(tmpdir(), "keswick-s3-"));
  const caFile = join(folder, "ca.crt");
  await writeFile(caFile, authority.certPem);
  return { pair: { key: leaf.keyPem, cert: leaf.certPem }, ca: authority.certPem, caFile, folder };
}
