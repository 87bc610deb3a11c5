/** A Prometheus that scrapes one key server over mTLS, started by a test. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestCertificate } from "./certificates.js";
import { freePort, RunningProcess, until } from "./child-process.js";

export interface PrometheusOptions {
  readonly binary: string;
  /** `host:port` of the server, and what it is scraped as and trusted by. */
  readonly target: string;
  readonly ca: TestCertificate;
  readonly client: TestCertificate;
  /** Text of a file of rules. */
  readonly rules: string;
}

interface Result {
  readonly metric: Readonly<Record<string, string>>;
  /** Time and value. */
  readonly value: readonly [number, string];
}

export class Prometheus {
  readonly #process: RunningProcess;
  readonly #url: string;
  readonly #folder: string;

  private constructor(process: RunningProcess, url: string, folder: string) {
    this.#process = process;
    this.#url = url;
    this.#folder = folder;
  }

  static async start({ binary, target, ca, client, rules }: PrometheusOptions): Promise<Prometheus> {
    const folder = await mkdtemp(join(tmpdir(), "keswick-prometheus-"));
    const port = await freePort();
    await writeFile(join(folder, "ca.crt"), ca.certPem);
    await writeFile(join(folder, "monitoring.crt"), client.certPem);
    await writeFile(join(folder, "monitoring.key"), client.keyPem, { mode: 0o600 });
    await writeFile(join(folder, "alerts.yml"), rules);
    const config = [
      "global: { scrape_interval: 1s, evaluation_interval: 1s }",
      "rule_files: [alerts.yml]",
      "scrape_configs:",
      "- job_name: kes",
      "  scheme: https",
      "  metrics_path: /v1/metrics/full",
      "  tls_config: { ca_file: ca.crt, cert_file: monitoring.crt, key_file: monitoring.key }",
      `  static_configs: [ { targets: ["${target}"] } ]`,
    ];
    await writeFile(join(folder, "prometheus.yml"), `${config.join("\n")}\n`);
    const url = `http://127.0.0.1:${port}`;
    const started = await RunningProcess.start(
      [
        binary,
        `--config.file=${join(folder, "prometheus.yml")}`,
        `--storage.tsdb.path=${join(folder, "data")}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      async () => {
        const answer = await fetch(`${url}/-/ready`).catch(() => undefined);
        return answer?.ok === true;
      },
    );
    return new Prometheus(started, url, folder);
  }

  /** The samples of an instant query. @throws Error when Prometheus refuses it */
  async query(query: string): Promise<readonly Result[]> {
    const { result } = await this.#get<{ result: readonly Result[] }>(
      `query?${new URLSearchParams({ query })}`,
    );
    return result;
  }

  /** Name and health of every rule. */
  async rules(): Promise<readonly { name: string; health: string; lastError?: string }[]> {
    const { groups } = await this.#get<{
      groups: readonly { rules: readonly { name: string; health: string; lastError?: string }[] }[];
    }>("rules");
    return groups.flatMap(({ rules }) => rules);
  }

  /** Resolves when the server was scraped `times` times. */
  async scraped(times: number): Promise<void> {
    await until(`${times} scrapes`, async () => {
      const [count] = await this.query("count_over_time(kes_start_time_seconds[5m])");
      return Number(count?.value[1] ?? 0) >= times;
    });
  }

  async close(): Promise<void> {
    await this.#process.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #get<T>(path: string): Promise<T> {
    const answer = await fetch(`${this.#url}/api/v1/${path}`);
    const body: { status: string; data: T; error?: string } = JSON.parse(await answer.text());
    if (body.status !== "success") throw new Error(`${path}: ${body.error}`);
    return body.data;
  }
}
