/** A folder, servers and clients of which each test of `kes doctor` breaks something. */
import { X509Certificate } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer as createPlainServer } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commands } from "../../src/cli/commands.js";
import { run } from "../../src/cli/run.js";
import { captured } from "./captured-output.js";
import { selfSigned, type TestCertificate } from "./certificates.js";
import { startTestServer, type TestServer, type TestServerOptions, tlsOf } from "./test-server.js";

const DAY_MS = 86_400_000;

export interface DoctorFinding {
  readonly subject: string;
  readonly check: string;
  readonly level: "ok" | "warning" | "error";
  readonly message: string;
  readonly remedy?: string;
}

/** A certificate that ends in `days`; for clients and servers unless it says otherwise. */
export function certificateFor(
  days: number,
  options: Parameters<typeof selfSigned>[0] = {},
): TestCertificate {
  return selfSigned({ algorithm: "p256", notAfter: new Date(Date.now() + days * DAY_MS), ...options });
}

export class DoctorSite {
  readonly folder: string;
  readonly app = certificateFor(90, { cn: "app" });
  readonly stranger = certificateFor(90, { cn: "stranger" });
  readonly #open: (() => Promise<unknown>)[] = [];

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async create(): Promise<DoctorSite> {
    const site = new DoctorSite(await mkdtemp(join(tmpdir(), "keswick-doctor-")));
    await site.writePair("app", site.app);
    await site.writePair("stranger", site.stranger);
    return site;
  }

  async writePair(name: string, { certPem, keyPem }: TestCertificate, mode = 0o600): Promise<void> {
    await writeFile(join(this.folder, `${name}.crt`), certPem);
    await writeFile(join(this.folder, `${name}.key`), keyPem, { mode });
  }

  /** A server with a certificate of its own, written as `<name>.crt`. */
  async start(
    name: string,
    options: TestServerOptions = {},
    certificate = certificateFor(90),
  ): Promise<TestServer> {
    await this.writePair(name, certificate);
    const policies = {
      app: { allow: ["/v1/key/*", "/v1/status", "/v1/api"], identities: [this.app.identity] },
    };
    const tls = tlsOf(certificate);
    const notAfterMs = Date.parse(new X509Certificate(certificate.certPem).validTo);
    const server = await startTestServer({ policies, tls: { ...tls, notAfterMs }, ...options });
    this.#open.push(() => server.close());
    return server;
  }

  /** A server of another make, with a given `Date`. @param clientCa - signs the only clients that it takes */
  async startOther(certificate: TestCertificate, date: string, clientCa?: TestCertificate): Promise<number> {
    const { certPem: cert, keyPem: key } = certificate;
    const verify = clientCa === undefined ? { rejectUnauthorized: false } : { ca: clientCa.certPem };
    const options = { cert, key, requestCert: true, ...verify };
    const server = createServer(options, (_request, response) => {
      response.sendDate = false;
      response.setHeader("date", date);
      response.setHeader("content-type", "application/json");
      response.end('{"version":"1.0","commit":"0"}');
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    this.#open.push(() => new Promise((resolve) => server.close(resolve)));
    return (server.address() as AddressInfo).port;
  }

  /** A web server without TLS. */
  async startPlain(): Promise<number> {
    const server = createPlainServer((_request, response) => void response.end("hello"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    this.#open.push(() => new Promise((resolve) => server.close(resolve)));
    return (server.address() as AddressInfo).port;
  }

  /** Text of a configuration whose files stand in the folder `name`; with a good certificate unless told otherwise. */
  async configure(
    name: string,
    options: {
      readonly certificate?: TestCertificate;
      readonly key?: TestCertificate;
      readonly keyMode?: number;
      readonly address?: string;
      readonly keystore?: string;
      readonly more?: string;
    } = {},
  ): Promise<string> {
    const { certificate = certificateFor(90), keyMode = 0o600, address = "127.0.0.1:0" } = options;
    const folder = join(this.folder, name);
    await mkdir(join(folder, "keys"), { recursive: true, mode: 0o700 });
    await writeFile(join(folder, "server.crt"), certificate.certPem);
    await writeFile(join(folder, "server.key"), (options.key ?? certificate).keyPem, { mode: keyMode });
    const file = join(folder, "kes.yml");
    const lines = [
      `address: ${address}`,
      `admin: { identity: ${this.stranger.identity} }`,
      `tls: { key: ${folder}/server.key, cert: ${folder}/server.crt }`,
      options.keystore ?? `keystore: { fs: { path: ${folder}/keys } }`,
      options.more ?? "",
    ];
    await writeFile(file, `${lines.join("\n")}\n`);
    return file;
  }

  /** Environment of a client. */
  env(who: "app" | "stranger", ca: string, server: string): Record<string, string> {
    return {
      MINIO_KES_SERVER: server,
      MINIO_KES_CERT_FILE: `${who}.crt`,
      MINIO_KES_KEY_FILE: `${who}.key`,
      MINIO_KES_CAPATH: `${ca}.crt`,
    };
  }

  /** `kes doctor --json` with the words given. */
  async doctor(
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<{ code: number; findings: readonly DoctorFinding[] }> {
    const { context, stdout, stderr } = captured({ cwd: this.folder, env: { ...env } });
    const code = await run(["doctor", "--json", ...args], commands, context);
    const text = stdout();
    if (text === "") throw new Error(stderr());
    return { code, findings: JSON.parse(text) };
  }

  /** The same for people. */
  async text(
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<{ code: number; stdout: string; stderr: string }> {
    const { context, stdout, stderr } = captured({ cwd: this.folder, env: { ...env } });
    const code = await run(["doctor", ...args], commands, context);
    return { code, stdout: stdout(), stderr: stderr() };
  }

  async close(): Promise<void> {
    for (const close of this.#open.reverse()) await close();
    await rm(this.folder, { recursive: true, force: true });
  }
}
