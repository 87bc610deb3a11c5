/** One question to a server's health listener. */
import { request } from "node:http";

/** The status of the answer, 0 when there was none, and what was wrong with it. */
export interface HealthAnswer {
  readonly status: number;
  readonly reason: string;
}

/** @param host - empty or unspecified for the loopback address, since a listener's own address may be written so */
export function askHealth(
  { host, port }: { readonly host: string; readonly port: number },
  question: "live" | "ready",
  timeoutMs: number,
): Promise<HealthAnswer> {
  const to = host === "" || host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  const shown = `${to.includes(":") ? `[${to}]` : to}:${port}`;
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const none = (why: string): void =>
      resolve({ status: 0, reason: `no answer from the health listener at ${shown}: ${why}` });
    const asked = request({ host: to, port, path: `/${question}`, agent: false, signal }, (answer) => {
      const { statusCode: status = 0 } = answer;
      // What else it says does not matter, and would keep the connection open.
      answer.destroy();
      resolve({ status, reason: `${shown} is no health listener: it answered ${status}` });
    });
    asked.on("error", (error) => none(signal.aborted ? `waited ${timeoutMs} ms` : reasonOf(error)));
    asked.end();
  });
}

function reasonOf(error: Error): string {
  // Node's own words name the address again.
  return "code" in error && error.code === "ECONNREFUSED" ? "connection refused" : error.message;
}
