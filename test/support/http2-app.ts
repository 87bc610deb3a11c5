/** What clients of others talk to in tests of HTTP/2: answers that say what was asked, large ones and long ones. */
import { createHash } from "node:crypto";
import type { Exchange } from "../../src/server/exchange.js";

const MAX_BODY_BYTES = 16 * 1024 * 1024;

/** What `/echo` answers. */
export interface Echo {
  readonly method: string;
  readonly target: string;
  readonly length: number;
  readonly sha256: string;
  /** Values of the header `x-test`. */
  readonly test: readonly string[];
}

/**
 * - `/echo`: reads the body and answers an {@link Echo};
 * - `/big/<n>`: n bytes; `/lines/<n>`: an answer that goes on for n lines, one a turn;
 * - `/late`: answers a turn later; `/early`: 403 without reading; `/never`: does not answer.
 */
export function serveApp(exchange: Exchange): void {
  const [, word = "", argument = ""] = exchange.target.split("?")[0]?.split("/") ?? [];
  const finish = (status: number, body?: string, type = "text/plain"): void => {
    exchange.reply(status, { "content-type": type }, body);
    exchange.finished();
  };
  switch (word) {
    case "echo":
      if (exchange.bodyless) return finish(200, echoOf(exchange, Buffer.alloc(0)), "application/json");
      return exchange.readBody(MAX_BODY_BYTES, (body) => {
        if (typeof body !== "string") finish(200, echoOf(exchange, body), "application/json");
        else if (body === "aborted") exchange.finished();
        else finish(413, body);
      });
    case "big":
      return finish(200, bigBody(Number(argument)));
    case "lines":
      return sendLines(exchange, Number(argument));
    case "late":
      setImmediate(() => finish(200, "late"));
      return;
    case "early":
      return finish(403, "no");
    case "never":
      return exchange.onGone(() => exchange.finished());
    default:
      return finish(404, "nothing here");
  }
}

/** The body of `/big/<n>`: every place has its own text. */
export function bigBody(bytes: number): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes; at += 16) parts.push(at.toString(16).padStart(15, "0"), "\n");
  return parts.join("").slice(0, bytes);
}

function echoOf(exchange: Exchange, body: Buffer): string {
  const echo: Echo = {
    method: exchange.method,
    target: exchange.target,
    length: body.length,
    sha256: createHash("sha256").update(body).digest("hex"),
    test: exchange.header("x-test"),
  };
  return JSON.stringify(echo);
}

function sendLines(exchange: Exchange, count: number): void {
  const out = exchange.stream(200, { "content-type": "text/plain" });
  let isClosed = false;
  out.onClose(() => {
    isClosed = true;
  });
  exchange.finished();
  let sent = 0;
  const next = (): void => {
    if (isClosed) return;
    if (sent === count) return out.end("end\n");
    out.write(`line ${sent++}\n`);
    setImmediate(next);
  };
  next();
}
