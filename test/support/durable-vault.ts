/** An OpenBao server whose data outlives it: to be killed, restarted, sealed and unsealed. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort, RunningProcess, until } from "./child-process.js";
import { Vault } from "./vault.js";

const INIT_TIMEOUT_MS = 60_000;

interface Place {
  readonly program: string;
  readonly folder: string;
  readonly configFile: string;
  readonly unsealKey: string;
}

export class DurableVault extends Vault {
  readonly #place: Place;

  private constructor(url: string, rootToken: string, running: RunningProcess, place: Place) {
    super(url, rootToken, running);
    this.#place = place;
  }

  /** Initialised and unsealed. @param program - the binary `bao` */
  static async create(program: string, folder: string): Promise<DurableVault> {
    const [port, clusterPort] = [await freePort(), await freePort()];
    const url = `http://127.0.0.1:${port}`;
    const data = join(folder, "data");
    const configFile = join(folder, "bao.hcl");
    await mkdir(data, { recursive: true });
    await writeFile(
      configFile,
      [
        `storage "raft" {\n  path = "${data}"\n  node_id = "one"\n}`,
        `listener "tcp" {\n  address = "127.0.0.1:${port}"\n  cluster_address = "127.0.0.1:${clusterPort}"`,
        `  tls_disable = true\n}`,
        `api_addr = "${url}"\ncluster_addr = "http://127.0.0.1:${clusterPort}"\n`,
      ].join("\n"),
    );
    const running = await launch(program, configFile, folder, url);
    const made = await put(`${url}/v1/sys/init`, { secret_shares: 1, secret_threshold: 1 });
    const { keys, root_token: rootToken } = made;
    const unsealKey = Array.isArray(keys) ? String(keys[0]) : "";
    const vault = new DurableVault(url, String(rootToken), running, {
      program,
      folder,
      configFile,
      unsealKey,
    });
    await vault.unseal();
    return vault;
  }

  override async unseal(): Promise<void> {
    await put(`${this.url}/v1/sys/unseal`, { key: this.#place.unsealKey });
    await until("Vault to be active", async () => (await stateOf(this.url)) === 200, INIT_TIMEOUT_MS);
  }

  seal(): Promise<unknown> {
    return this.call("PUT", "sys/seal");
  }

  /** Without a chance to finish anything. */
  async kill(): Promise<void> {
    this.process.signal("SIGKILL");
    await this.process.stop();
  }

  /** After {@link kill}; comes up sealed. */
  async restart(): Promise<void> {
    const { program, configFile, folder } = this.#place;
    this.process = await launch(program, configFile, folder, this.url);
  }
}

function launch(program: string, configFile: string, folder: string, url: string): Promise<RunningProcess> {
  return RunningProcess.start(
    [program, "server", `-config=${configFile}`, "-log-level=error"],
    async () => (await stateOf(url)) !== 0,
    { cwd: folder, env: { HOME: folder } },
  );
}

/** Status of `sys/health`: 200 active, 501 not initialised, 503 sealed, 0 no answer. */
async function stateOf(url: string): Promise<number> {
  try {
    return (await fetch(`${url}/v1/sys/health`, { signal: AbortSignal.timeout(1_000) })).status;
  } catch {
    return 0;
  }
}

async function put(url: string, body: object): Promise<Readonly<Record<string, unknown>>> {
  const response = await fetch(url, {
    method: "PUT",
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(INIT_TIMEOUT_MS),
  });
  const answer: unknown = await response.json();
  if (!response.ok || typeof answer !== "object" || answer === null) throw new Error(JSON.stringify(answer));
  return Object.fromEntries(Object.entries(answer));
}
