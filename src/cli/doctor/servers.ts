/** Looks at running servers, one after the other: the way to each, who one is there, and what it says of itself. */
import { resolve } from "node:path";
import { error, type Finding, ok, warning } from "../../api/status/finding.js";
import { KesClient } from "../../client/client.js";
import { systemClock } from "../../client/clock.js";
import { type ClientCertificate, credentialsOf } from "../../client/credentials.js";
import { type Endpoint, parseEndpoints } from "../../client/endpoints.js";
import type { ClientOptions } from "../../client/options.js";
import { proxyFor } from "../../client/proxy.js";
import { readTrust, systemTrust } from "../../client/trust.js";
import { isKesError, KesError } from "../../errors.js";
import { type CommandContext, CommandError } from "../command.js";
import { type Remote, timeoutOf } from "../remote/connect.js";
import { readCredentials } from "../remote/credentials.js";
import { caOf, serversOf } from "../remote/environment.js";
import { explain } from "../remote/explain.js";
import type { RemoteOptions } from "../remote/options.js";
import { accessFindings } from "./access.js";
import { type Canary, canary } from "./canary.js";
import { connectionFindings } from "./connection.js";
import { ownFindings } from "./own-certificate.js";
import { type Probe, probe } from "./probe.js";
import { ownWords, type Section } from "./report.js";

/** Of a connection when calls have no limit. */
const LONG_MS = 600_000;
/** Most servers of one run. */
const MAX_SERVERS = 64;
/** Of the certificate that is made from an API key. */
const CERTIFICATE_MS = 3_600_000;

export interface ServersOptions {
  readonly remote: RemoteOptions;
  /** Key for the round trip and for MinIO's rules. */
  readonly key: string | undefined;
  readonly isCreating: boolean;
  readonly nowMs: () => number;
  readonly signal: AbortSignal;
}

/** A section for the client itself and one for each server; failures are findings. */
export async function serverSections(
  context: CommandContext,
  options: ServersOptions,
): Promise<readonly Section[]> {
  const { remote, nowMs } = options;
  let found: Found;
  try {
    found = await findOut(context, remote);
  } catch (cause) {
    if (!(cause instanceof CommandError || cause instanceof KesError)) throw cause;
    return [{ subject: "client", findings: [setUpFinding(cause)] }];
  }
  const isApiKey = found.settings.apiKey !== undefined;
  const sections: Section[] = [
    {
      subject: "client",
      findings: found.certificate === undefined ? [] : ownFindings(found.certificate, isApiKey, nowMs()),
    },
  ];
  let earlier: Canary | undefined;
  for (const endpoint of found.endpoints) {
    const look = new Look(context, options, found, endpoint);
    sections.push({ subject: endpoint.url, findings: await look.run(earlier) });
    earlier = look.made ?? earlier;
  }
  return sections;
}

/** What is known before anybody is asked. */
interface Found {
  readonly endpoints: readonly Endpoint[];
  readonly settings: Omit<ClientOptions, "endpoints">;
  readonly certificate: ClientCertificate | undefined;
  readonly trusted: readonly string[];
  readonly ca: string | undefined;
}

async function findOut(context: CommandContext, remote: RemoteOptions): Promise<Found> {
  const { env, cwd } = context;
  const endpoints = parseEndpoints(serversOf(remote, env));
  if (endpoints.length > MAX_SERVERS) throw new CommandError(`more than ${MAX_SERVERS} servers`);
  const credentials = await readCredentials(context, remote);
  const ca = caOf(remote, env);
  const file = ca === undefined ? undefined : resolve(cwd, ca);
  const trusted = file === undefined ? await systemTrust(env) : (await readTrust(file)).ca;
  const settings = {
    ...credentials,
    ...(file === undefined ? {} : { ca: file }),
    ...{ insecure: remote.insecure, timeoutMs: await timeoutOf(remote.timeout), environment: env },
  };
  const holder = credentialsOf({ ...settings, endpoints: [] }, systemClock, CERTIFICATE_MS);
  return { endpoints, settings, certificate: await holder.current(), trusted, ca };
}

function setUpFinding(cause: CommandError | KesError): Finding {
  const hints = cause instanceof CommandError ? cause.hints : [];
  const usual =
    "MINIO_KES_API_KEY, or MINIO_KES_CERT_FILE and MINIO_KES_KEY_FILE, say who you are; MINIO_KES_CAPATH or --ca whom to trust";
  return error("client set-up", cause.message, hints.length > 0 ? hints.join("; ") : usual);
}

/** One server. */
class Look {
  readonly #context: CommandContext;
  readonly #options: ServersOptions;
  readonly #found: Found;
  readonly #endpoint: Endpoint;
  /** The data key of this server's round trip. */
  made: Canary | undefined;

  constructor(context: CommandContext, options: ServersOptions, found: Found, endpoint: Endpoint) {
    this.#context = context;
    this.#options = options;
    this.#found = found;
    this.#endpoint = endpoint;
  }

  async run(earlier: Canary | undefined): Promise<readonly Finding[]> {
    const { env } = this.#context;
    if (proxyFor(this.#endpoint, env) !== undefined) {
      const remedy = `to look at its certificate as well: NO_PROXY=${this.#endpoint.host} kes doctor`;
      const passed = warning(
        "connection",
        "is reached through HTTPS_PROXY, so its TLS is not looked at",
        remedy,
      );
      return [passed, ...(await this.#ask(earlier))];
    }
    const { remote, nowMs } = this.#options;
    const asked = { ...this.#endpoint, ca: this.#found.ca, isInsecure: remote.insecure };
    const { findings, isUsable } = connectionFindings(await this.#probe("/version"), asked, nowMs());
    return isUsable ? [...findings, ...(await this.#ask(earlier))] : findings;
  }

  #probe(path: string): Promise<Probe> {
    const { certificate, trusted, settings } = this.#found;
    const { timeoutMs = 0 } = settings;
    const { signal } = this.#options;
    const endpoint = this.#endpoint;
    return probe(path, { endpoint, ca: trusted, certificate, timeoutMs: timeoutMs || LONG_MS, signal });
  }

  /** What the SDK's calls tell, each for itself: one that is refused says nothing about the others. */
  async #ask(earlier: Canary | undefined): Promise<readonly Finding[]> {
    const { key, isCreating, nowMs, signal } = this.#options;
    const server = this.#endpoint.url;
    const client = new KesClient({ ...this.#found.settings, endpoints: [server] });
    const remote: Remote = {
      client,
      signal,
      attempt: async (about, call) => {
        try {
          return await call();
        } catch (cause) {
          signal.throwIfAborted();
          if (!(cause instanceof KesError)) throw cause;
          const place = { context: this.#context, options: this.#options.remote, client, signal, server };
          throw await explain(cause, about, place);
        }
      },
    };
    try {
      const findings = [
        ...(await guarded("version", () => versionFindings(remote))),
        ...(await guarded("identity", () => accessFindings(remote, key, nowMs()))),
        ...(await this.#selfFindings(remote)),
      ];
      if (key === undefined) return findings;
      const trip = async (): Promise<readonly Finding[]> => {
        const done = await canary(remote, { key, server, isCreating, earlier });
        this.made = done.made;
        return done.findings;
      };
      return [...findings, ...(await guarded("round trip", trip))];
    } finally {
      await client.close();
    }
  }

  /** What the server says of itself; of a server that does not tell so much, its keystore alone. */
  async #selfFindings(remote: Remote): Promise<readonly Finding[]> {
    const isDirect = proxyFor(this.#endpoint, this.#context.env) === undefined;
    const answer = isDirect ? (await this.#probe("/v1/ready/verbose")).answer : undefined;
    const words = answer?.status === 200 ? ownWords(answer.body) : undefined;
    // The certificate that it shows was looked at already.
    if (words !== undefined)
      return words.filter(({ message }) => !message.startsWith("the server's certificate"));
    return guarded("keystore", () => readyFindings(remote));
  }
}

async function versionFindings({ client, signal, attempt }: Remote): Promise<readonly Finding[]> {
  const { version } = await attempt({ what: "its version" }, () => client.version({ signal }));
  return [ok("version", `is version ${version}`)];
}

async function readyFindings({ client, signal, attempt }: Remote): Promise<readonly Finding[]> {
  const isReady = await attempt({ what: "its readiness", path: "/v1/ready" }, async () => {
    try {
      await client.ready({ signal });
      return true;
    } catch (cause) {
      // Who may not ask that learns by the round trip whether the server works.
      if (isKesError(cause, "NOT_AUTHORIZED")) return undefined;
      throw cause;
    }
  });
  return isReady === true ? [ok("keystore", "the keystore answers")] : [];
}

async function guarded(check: string, look: () => Promise<readonly Finding[]>): Promise<readonly Finding[]> {
  try {
    return await look();
  } catch (cause) {
    if (!(cause instanceof CommandError)) throw cause;
    const usual = "the server's error log says why";
    return [error(check, cause.message, cause.hints.length > 0 ? cause.hints.join("; ") : usual)];
  }
}
