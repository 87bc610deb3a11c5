/** Starts moto, an emulator of AWS, and looks at and changes the secrets in it without our adapter. */
import {
  CreateSecretCommand,
  type CreateSecretCommandInput,
  DescribeSecretCommand,
  type DescribeSecretCommandOutput,
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { freePort, RunningProcess } from "./child-process.js";

const START_TIMEOUT_MS = 15_000;
export const REGION = "us-east-1";
/** moto looks at no signature; these fit what AWS documents. */
export const CREDENTIALS = { accesskey: "AKIDEXAMPLE", secretkey: "wJalrXUtnFEMI/K7MDENG" } as const;

export class Moto {
  readonly url: string;
  readonly #process: RunningProcess;
  readonly #client: SecretsManagerClient;

  private constructor(url: string, running: RunningProcess) {
    this.url = url;
    this.#process = running;
    this.#client = new SecretsManagerClient({
      endpoint: url,
      region: REGION,
      credentials: { accessKeyId: CREDENTIALS.accesskey, secretAccessKey: CREDENTIALS.secretkey },
    });
  }

  /** @param program - `moto_server` @param folder - for whatever it writes */
  static async start(program: string, folder: string): Promise<Moto> {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const running = await RunningProcess.start(
      [program, "-H", "127.0.0.1", "-p", String(port)],
      () => isUp(url),
      { cwd: folder, env: { HOME: folder } },
    );
    return new Moto(url, running);
  }

  async stop(): Promise<void> {
    this.#client.destroy();
    await this.#process.stop();
  }

  /** Forgets everything. */
  async reset(): Promise<void> {
    await fetch(`${this.url}/moto-api/reset`, {
      method: "POST",
      signal: AbortSignal.timeout(START_TIMEOUT_MS),
    });
  }

  /** Creates a secret as KES does: nothing but what its reference §7 names. @returns its version */
  async create(name: string, text: string, more: Partial<CreateSecretCommandInput> = {}): Promise<string> {
    const answer = await this.#client.send(
      new CreateSecretCommand({ Name: name, SecretString: text, ...more }),
    );
    if (answer.VersionId === undefined) throw new Error("the new secret has no version");
    return answer.VersionId;
  }

  /** Puts another value into a secret; its first one is not current any more. */
  async put(name: string, text: string): Promise<void> {
    await this.#client.send(
      new PutSecretValueCommand({ SecretId: name, SecretString: text, VersionStages: ["AWSCURRENT"] }),
    );
  }

  /** What KES would read. */
  async text(name: string): Promise<string | undefined> {
    const { SecretString } = await this.#client.send(new GetSecretValueCommand({ SecretId: name }));
    return SecretString;
  }

  async describe(name: string): Promise<DescribeSecretCommandOutput> {
    return this.#client.send(new DescribeSecretCommand({ SecretId: name }));
  }
}

async function isUp(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/moto-api/`, { signal: AbortSignal.timeout(1_000) });
    return response.status === 200;
  } catch {
    // Not listening yet.
    return false;
  }
}
