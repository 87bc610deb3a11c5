/** What `kes-s3 server` and `kes-s3 gateway` run: settings, keys, an object service, the front end, signals. */
import { createHash } from "node:crypto";
import { causes } from "../../audit/error-log.js";
import { systemClock } from "../../client/clock.js";
import { secureRandom } from "../../crypto/random.js";
import { defaultConnectionLimits } from "../../server/limits.js";
import type { KeyService } from "../../storage/keys/key-service.js";
import { PatientKeyService } from "../../storage/keys/patient.js";
import type { ObjectService } from "../../storage/objects/object-service.js";
import { AccessKeys } from "../../storage/server/access-keys.js";
import { type AccessRecord, accessLine } from "../../storage/server/access-log.js";
import { FrontEnd } from "../../storage/server/front-end.js";
import { KeyServiceTimes } from "../../storage/server/key-service-times.js";
import { defaultLimits } from "../../storage/server/limits.js";
import { Listener } from "../../storage/server/listener.js";
import { ServerMetrics } from "../../storage/server/metrics.js";
import type { CommandContext } from "../command.js";
import { buildInfo } from "../version.js";
import { openAccessLog } from "./access-log-writer.js";
import { readStorageEnvironment, type StorageEnvironment } from "./environment.js";
import { openKeys } from "./key-service.js";
import { Reloads, readAccessKeys, readTlsPair } from "./reloadable.js";
import type { S3ServerOptions } from "./server-options.js";
import { trustedProxies } from "./trusted-proxies.js";

/** What stands behind the front end. Closing the service closes `keys`. */
export interface OpenedService {
  readonly service: ObjectService;
  /** For the banner: `folder /srv/s3`. */
  readonly description: string;
}

export interface ServiceParts {
  readonly settings: StorageEnvironment;
  readonly keys: KeyService | undefined;
  readonly note: (text: string) => void;
  readonly metrics: ServerMetrics;
}

/** Opens what stands behind the front end. Who fails leaves nothing open but `keys`, which the caller closes. */
export type OpenService = (parts: ServiceParts) => Promise<OpenedService>;

export interface Listening {
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
}

/** Requests get this long at the end. */
const GRACE_MS = 10_000;
/** The one account that everything belongs to. */
const OWNER = { id: createHash("sha256").update("keswick").digest("hex"), displayName: "keswick" };

/** Runs until SIGINT or SIGTERM. @returns the exit code */
export async function serveS3(
  options: S3ServerOptions,
  open: OpenService,
  context: CommandContext,
  onListening?: (listening: Listening) => void,
): Promise<number> {
  const { output, env, cwd } = context;
  const settings = await readStorageEnvironment(env, cwd);
  const { root, region, domains, publicMetrics } = settings.server;
  const password = settings.environment.MINIO_CERT_PASSWD;
  const proxies = trustedProxies(options.trustedProxies);
  const tls = await readTlsPair(options.tls, password);
  const credentials = new AccessKeys(root, await readAccessKeys(options.accessKeyFile, root.accessKey));
  const note = (text: string): void => output.note(text);
  const accessLog = await openAccessLog(options.accessLog, note);

  const metrics = new ServerMetrics();
  const times = new KeyServiceTimes((outcome, ms) => metrics.keyCall(outcome, ms));
  const opened = await openBehind({ settings, times, metrics }, open, context);
  const limits = { ...defaultLimits, maxConnections: defaultConnectionLimits().maxConnections };
  const frontEnd = new FrontEnd({
    service: opened.service,
    credentials,
    owner: OWNER,
    region,
    domains,
    publicMetrics,
    trustedProxies: proxies,
    times,
    metrics,
    log: (record) => accessLog.write(accessLine(record)),
    failed: (error, record) => output.note(failureText(error, record)),
    random: secureRandom,
    nowMs: Date.now,
    limits,
  });
  const listener = new Listener(frontEnd, limits, tls);
  let port: number;
  try {
    ({ port } = await listener.listen(options.host, options.port));
  } catch (error) {
    await opened.service.close();
    throw error;
  }
  output.outliveReader();
  const reloads = new Reloads({ options, root: root.accessKey, password, credentials, listener, output });
  const stopped = untilStopped({
    hangUp: () => {
      accessLog.reopen();
      void reloads.now();
    },
    stop: async () => {
      reloads.close();
      await listener.close(GRACE_MS);
      await opened.service.close();
      await accessLog.close();
      output.note("stopped");
    },
  });
  const listening = { host: options.host, port, isTls: tls !== undefined };
  output.note(bannerText(opened.description, settings, listening));
  onListening?.(listening);
  return stopped;
}

async function openBehind(
  {
    settings,
    times,
    metrics,
  }: Pick<ServiceParts, "settings" | "metrics"> & { readonly times: KeyServiceTimes },
  open: OpenService,
  { output }: CommandContext,
): Promise<OpenedService> {
  const keys = await openKeys(settings, output);
  try {
    return await open({
      settings,
      keys: keys === undefined ? undefined : times.measured(patient(keys, output)),
      note: (text) => output.note(text),
      metrics,
    });
  } catch (error) {
    await keys?.close();
    throw error;
  }
}

/** Not at the start: a server without keys does not begin to serve. */
function patient(keys: KeyService, output: CommandContext["output"]): KeyService {
  return new PatientKeyService(keys, systemClock, (ms) =>
    output.note(`the key service is back after ${Math.round(ms)} ms, for which requests had to wait`),
  );
}

/** @returns the exit code, once the server has ended after a signal */
function untilStopped(react: { hangUp: () => void; stop: () => Promise<void> }): Promise<number> {
  process.on("SIGHUP", react.hangUp);
  // Without a handler this signal would start Node's debugger, which whoever may send it could then talk to.
  process.on("SIGUSR1", react.hangUp);
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      process.off("SIGINT", stop).off("SIGTERM", stop);
      react.stop().then(() => resolve(0), reject);
    };
    process.on("SIGINT", stop).on("SIGTERM", stop);
  });
}

function bannerText(description: string, { keys }: StorageEnvironment, listening: Listening): string {
  const { version } = buildInfo();
  const keyService = keys.keys === undefined ? "no key service" : `keys: ${keys.keys.kind}`;
  return `keswick ${version}, S3 at ${urlOf(listening)}, ${description}, ${keyService}`;
}

/** An address that a client on this host can use. */
export function urlOf({ host, port, isTls }: Listening): string {
  const isEverywhere = host === "" || host === "0.0.0.0" || host === "::";
  const reachable = isEverywhere ? "127.0.0.1" : host;
  const scheme = isTls ? "https" : "http";
  return `${scheme}://${reachable.includes(":") ? `[${reachable}]` : reachable}:${port}`;
}

function failureText(error: unknown, { requestId, operation }: AccessRecord): string {
  return `request ${requestId} (${operation ?? "unknown"}) failed: ${causes(error)}`;
}
