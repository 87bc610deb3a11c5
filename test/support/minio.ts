/** Starts a MinIO server with a key service, and drives it with `mc` and with a plain S3 client. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Command, freePort, RunningProcess, type RunResult, run } from "./child-process.js";
import type { KesSite } from "./kes-site.js";
import { type S3Reply, type S3Request, s3Request } from "./s3-request.js";

const USER = "minio-root-user";
const PASSWORD = "minio-root-password";

/** Paths of the programs used. */
export interface MinioTools {
  readonly minio: string;
  readonly mc: string;
}

export interface MinioOptions {
  /** Holds the data and mc's settings; survives a restart. */
  readonly folder: string;
  /** The `MINIO_KMS_*` lines. */
  readonly kms: Readonly<Record<string, string>>;
  readonly tools: MinioTools;
}

/** The export lines an operator writes to point MinIO at KES with a client certificate. */
export function kesVariables(endpoint: string, site: KesSite, keyName: string): Record<string, string> {
  return {
    MINIO_KMS_KES_ENDPOINT: endpoint,
    MINIO_KMS_KES_KEY_NAME: keyName,
    MINIO_KMS_KES_CERT_FILE: site.client.certFile,
    MINIO_KMS_KES_KEY_FILE: site.client.keyFile,
    MINIO_KMS_KES_CAPATH: site.server.certFile,
  };
}

/** A running MinIO server, known to `mc` as `local`. */
export class Minio {
  readonly #options: MinioOptions;
  readonly #url: string;
  readonly process: RunningProcess;

  private constructor(options: MinioOptions, url: string, running: RunningProcess) {
    this.#options = options;
    this.#url = url;
    this.process = running;
  }

  /** Starts a server on one drive and waits until it is ready, which it says only with a working key service. */
  static async start(options: MinioOptions): Promise<Minio> {
    const { folder, kms, tools } = options;
    const certificates = join(folder, "certs");
    await mkdir(certificates, { recursive: true });
    const address = `127.0.0.1:${await freePort()}`;
    const url = `http://${address}`;
    const command: Command = [tools.minio, "server", "--address", address, "--certs-dir", certificates];
    const env = {
      ...{ HOME: folder, MINIO_ROOT_USER: USER, MINIO_ROOT_PASSWORD: PASSWORD },
      ...{ MINIO_BROWSER: "off", MINIO_UPDATE: "off", ...kms },
    };
    const running = await RunningProcess.start([...command, join(folder, "data")], () => isReady(url), {
      env,
    });
    return new Minio(options, url, running);
  }

  /** Where it listens, and who may do everything there. */
  get endpoint(): { readonly url: string; readonly user: string; readonly password: string } {
    return { url: this.#url, user: USER, password: PASSWORD };
  }

  stop(): Promise<number | null> {
    return this.process.stop();
  }

  /** Runs `mc` with JSON output. */
  mc(...args: string[]): Promise<RunResult> {
    const { folder, tools } = this.#options;
    const env = { HOME: folder, MC_HOST_local: this.#url.replace("//", `//${USER}:${PASSWORD}@`) };
    return run([tools.mc, "--config-dir", join(folder, "mc"), "--json", "--no-color", ...args], { env });
  }

  /** Like {@link mc}, for calls that must succeed. Resolves to the JSON objects printed, one for each line. */
  async mcOk(...args: string[]): Promise<Record<string, unknown>[]> {
    const { code, stdout, stderr } = await this.mc(...args);
    if (code !== 0) throw new Error(`'mc ${args.join(" ")}' ended with code ${code}:\n${stdout}${stderr}`);
    return jsonLines(stdout);
  }

  /** One request of a plain S3 client: to S3 and to MinIO's operator API alike. `path` comes percent-encoded. */
  s3(method: string, path: string, request: S3Request = {}): Promise<S3Reply> {
    return s3Request({ user: USER, password: PASSWORD }, method, new URL(path, this.#url), request);
  }
}

/** Parses lines of JSON objects, and one object printed over several lines. */
function jsonLines(text: string): Record<string, unknown>[] {
  const values: unknown[] = text
    .trim()
    .split(/\n(?=\{)/)
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
  return values.map((value) => {
    if (typeof value !== "object" || value === null) throw new Error(`not an object: ${text}`);
    return { ...value };
  });
}

async function isReady(url: string): Promise<boolean> {
  try {
    if ((await fetch(`${url}/minio/health/ready`)).status !== 200) return false;
    // It says so while S3 still answers XMinioServerNotInitialized; a stranger gets 403 from one that is.
    const reply = await fetch(url);
    await reply.arrayBuffer();
    return reply.status !== 503;
  } catch {
    return false;
  }
}
