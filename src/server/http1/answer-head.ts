/** Heads of answers as text: what is the same for all of them is made once, or once a second. */
import { STATUS_CODES } from "node:http";
import type { ReplyHeaders } from "../exchange.js";

/** How the connection goes on behind an answer. */
export interface AnswerForm {
  /** Bytes of the body; undefined when it is not known and the body comes in chunks, or up to the end. */
  readonly length: number | undefined;
  readonly isChunked: boolean;
  readonly closes: boolean;
}

export class AnswerHeads {
  readonly #nowMs: () => number;
  readonly #keepAlive: string;
  #second = Number.NaN;
  #date = "";
  #dateAndKeepAlive = "";

  /** @param idleTimeoutMs - how long the connection is kept for a next request @param nowMs - since the epoch */
  constructor(idleTimeoutMs: number, nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#keepAlive = `Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(idleTimeoutMs / 1000)}\r\n\r\n`;
  }

  /** @throws TypeError for a field that would break out of its line */
  head(status: number, headers: ReplyHeaders, { length, isChunked, closes }: AnswerForm): string {
    let text = STATUS_LINES[status] ?? statusLine(status);
    for (const name of Object.keys(headers)) {
      const value = String(headers[name]);
      if (!isValue(value)) throw new TypeError(`the field ${name} of an answer has a control character`);
      text += `${name}: ${value}\r\n`;
    }
    if (length !== undefined) text += `content-length: ${length}\r\n`;
    else if (isChunked) text += "Transfer-Encoding: chunked\r\n";
    this.#renew();
    return text + (closes ? `${this.#date}Connection: close\r\n\r\n` : this.#dateAndKeepAlive);
  }

  #renew(): void {
    const second = Math.floor(this.#nowMs() / 1000);
    if (second === this.#second) return;
    this.#second = second;
    this.#date = `Date: ${new Date(second * 1000).toUTCString()}\r\n`;
    this.#dateAndKeepAlive = this.#date + this.#keepAlive;
  }
}

function statusLine(status: number): string {
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n`;
}

const STATUS_LINES: Readonly<Record<number, string>> = Object.fromEntries(
  Object.keys(STATUS_CODES).map((status) => [status, statusLine(Number(status))]),
);

/** A line break in a value would begin another field, or another answer. */
function isValue(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if ((code < 0x20 && code !== 0x09) || code === 0x7f || code > 0xff) return false;
  }
  return true;
}
