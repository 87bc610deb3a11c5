/** {@link Transport} over HTTPS. */
import { Agent, type Dispatcher } from "undici";
import { KesError } from "../errors.js";
import { ApiKey } from "../identity/api-key.js";
import { certificatesOfPem, identityOfCertificate } from "../identity/certificate.js";
import { certificatePem, issueCertificate } from "../identity/issue.js";
import type { ClientOptions } from "./options.js";
import type { ApiReply, ApiRequest, ApiStream, Transport } from "./transport.js";

const MAX_ANSWER_BYTES = 1024 * 1024;

/** @throws KesError `CLIENT_OPTIONS_INVALID`, `CREDENTIALS_INVALID` */
export function createTransport(options: ClientOptions): Transport {
  const endpoint = ([options.endpoints].flat().join(",").split(",")[0] ?? "").replace(
    /^(?:https?:\/\/)?/,
    "https://",
  );
  const apiKey = typeof options.apiKey === "string" ? ApiKey.parse(options.apiKey) : options.apiKey;
  const cert =
    apiKey === undefined
      ? options.certificate
      : certificatePem(
          issueCertificate({
            commonName: apiKey.identity,
            key: apiKey.privateKey,
            notBeforeMs: Date.now() - 300_000,
            notAfterMs: Date.now() + 86_400_000,
            usages: ["clientAuth"],
          }),
        );
  const key = apiKey?.privateKey.export({ type: "pkcs8", format: "pem" }).toString() ?? options.key;
  const agent = new Agent({
    connect: {
      ...(cert === undefined || key === undefined ? {} : { cert, key }),
      ...(typeof options.ca === "string" ? { ca: options.ca } : {}),
      rejectUnauthorized: options.insecure !== true,
    },
  });
  const request = async (sent: ApiRequest): Promise<Dispatcher.ResponseData> => {
    const timeoutMs = sent.timeoutMs ?? options.timeoutMs ?? 0;
    const signals = [
      ...(sent.signal ? [sent.signal] : []),
      ...(timeoutMs > 0 ? [AbortSignal.timeout(timeoutMs)] : []),
    ];
    try {
      return await agent.request({
        origin: endpoint,
        path: sent.path,
        method: sent.method,
        ...(sent.body === undefined
          ? {}
          : { body: sent.body, headers: { "content-type": "application/json" } }),
        signal: AbortSignal.any(signals),
      });
    } catch (cause) {
      if (sent.signal?.aborted) throw sent.signal.reason;
      throw new KesError("ENDPOINT_UNREACHABLE", [endpoint, String(cause)], { cause });
    }
  };
  const typeOf = (answer: Dispatcher.ResponseData): string =>
    String(answer.headers["content-type"] ?? "")
      .split(";")[0]
      ?.trim()
      .toLowerCase() ?? "";
  const whole = async (answer: Dispatcher.ResponseData, startMs: number): Promise<ApiReply> => {
    const body = Buffer.from(await answer.body.arrayBuffer());
    if (body.length > MAX_ANSWER_BYTES) throw new KesError("ANSWER_TOO_LARGE", [endpoint, MAX_ANSWER_BYTES]);
    const date = Date.parse(String(answer.headers.date ?? ""));
    return {
      status: answer.statusCode,
      contentType: typeOf(answer),
      ...(Number.isNaN(date) ? {} : { dateMs: date }),
      body,
      endpoint,
      elapsedMs: performance.now() - startMs,
    };
  };
  return {
    identity:
      apiKey?.identity ??
      (cert === undefined ? undefined : identityOfCertificate(certificatesOfPem(cert)[0])),
    async send(sent) {
      const startMs = performance.now();
      return whole(await request(sent), startMs);
    },
    async stream(sent): Promise<ApiReply | ApiStream> {
      const startMs = performance.now();
      const answer = await request({ ...sent, timeoutMs: 0 });
      if (answer.statusCode >= 300) return whole(answer, startMs);
      return { contentType: typeOf(answer), endpoint, body: answer.body };
    },
    close: () => agent.destroy(),
  };
}
