/** A web service that takes lines as NDJSON: one POST for each batch, acknowledged by a 2xx answer. */
import type { Agent } from "undici";
import { COLLECTOR_TIMEOUT_MS, type Collector, type CollectorTls } from "./collector.js";

/** Most of an answer that is read: its status is all that counts. */
const MAX_ANSWER_BYTES = 64 * 1024;

export class WebhookCollector implements Collector {
  readonly name = "webhook";
  readonly #url: string;
  readonly #authorization: string | undefined;
  readonly #tls: CollectorTls;
  #agent: Agent | undefined;

  constructor(url: string, authorization: string | undefined, tls: CollectorTls) {
    this.#url = url;
    this.#authorization = authorization;
    this.#tls = tls;
  }

  async send(lines: readonly Buffer[], signal: AbortSignal): Promise<void> {
    const { Agent: AgentClass, request } = await import("undici");
    this.#agent ??= new AgentClass({
      connections: 1,
      headersTimeout: COLLECTOR_TIMEOUT_MS,
      bodyTimeout: COLLECTOR_TIMEOUT_MS,
      connect: { timeout: COLLECTOR_TIMEOUT_MS, ...this.#tls },
    });
    const { statusCode, body } = await request(this.#url, {
      dispatcher: this.#agent,
      method: "POST",
      headers: {
        "content-type": "application/x-ndjson",
        ...(this.#authorization === undefined ? {} : { authorization: this.#authorization }),
      },
      body: Buffer.concat(lines),
      signal,
    });
    await body.dump({ limit: MAX_ANSWER_BYTES });
    if (statusCode < 200 || statusCode > 299)
      throw new Error(`the collector answered with status ${statusCode}`);
  }

  close(): void {
    // Requests under way were aborted by their signal.
    this.#agent?.destroy().catch(() => undefined);
    this.#agent = undefined;
  }
}
