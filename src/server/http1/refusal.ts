/** What is no valid request, and the status it is answered with. */
import { STATUS_CODES } from "node:http";

/** Why bytes are no request. One object for each reason, so that refusing a flood makes no garbage. */
export class Refusal {
  readonly status: number;
  /** For the record; nothing of what the client sent. */
  readonly reason: string;
  /** The whole answer; the connection ends behind it. */
  readonly answer: string;

  constructor(status: number, reason: string) {
    this.status = status;
    this.reason = reason;
    const body = `${status} ${STATUS_CODES[status] ?? ""}`;
    this.answer =
      `HTTP/1.1 ${body}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${body.length}\r\n` +
      `Connection: close\r\n\r\n${body}`;
  }
}

const bad = (reason: string): Refusal => new Refusal(400, reason);

export const refusals = {
  emptyLine: bad("a bare CR or LF before the request line"),
  method: bad("malformed method"),
  tunnel: bad("a method that asks for another protocol"),
  target: bad("malformed request target"),
  version: bad("unsupported or malformed HTTP version"),
  lineEnd: bad("a line that does not end in CR LF"),
  fieldName: bad("malformed field name"),
  fieldValue: bad("a control character in a field value"),
  folded: bad("a folded field line"),
  hosts: bad("more than one Host"),
  noHost: bad("no Host"),
  host: bad("malformed Host"),
  length: bad("malformed Content-Length"),
  lengths: bad("more than one Content-Length"),
  coding: bad("a transfer coding other than chunked"),
  lengthAndCoding: bad("Content-Length and Transfer-Encoding"),
  oldCoding: bad("Transfer-Encoding in HTTP/1.0"),
  chunkSize: bad("malformed chunk size"),
  chunkExtension: bad("malformed or too long chunk extension"),
  chunkEnd: bad("a chunk that does not end in CR LF"),
  trailer: bad("malformed trailer field"),
  cutOff: bad("the connection ended in a request"),
  tooSlow: new Refusal(408, "request header not received in time"),
  expectation: new Refusal(417, "an expectation other than 100-continue"),
  headTooLarge: new Refusal(431, "request header too large"),
  trailersTooLarge: new Refusal(431, "trailer fields too large"),
} as const;
