/** Where our engine and Node's make something else of the same bytes, and why that is meant to be so. */
import type { Outcome } from "./play.js";

/** A difference that is known. */
export interface Difference {
  /** What ours does with the piece at which both part, in the form of {@link told}. */
  readonly ours: RegExp;
  readonly node: RegExp;
  /** What the requests up to there must hold. */
  readonly when?: RegExp;
  /** Pieces, one fed behind the other, that show it. */
  readonly example: readonly string[];
  readonly why: string;
  /** Node's parser does as ours from this version of its own on: 22 and 24 have 9.4, 20 has 9.3. */
  readonly goneIn?: readonly [major: number, minor: number];
}

const ANYTHING = /^/;
const REFUSED = /: 400 HPE_/;

/** First where ours is stricter than Node, then where only the answer differs, then where Node is stricter. */
export const explained: readonly Difference[] = [
  {
    ours: ANYTHING,
    node: /^(?:another )?(?:request, |200, )*stays$/,
    when: /^upgrade:/im,
    example: [
      "PUT /read HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 1\r\n\r\n",
      "GET /read HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
    why: "behind a request to upgrade, which no server here does, Node passes over bytes, and waits; ours reads on",
  },
  {
    ours: /: 400 a bare CR or LF before the request line$/,
    node: ANYTHING,
    example: ["\nGET /read HTTP/1.1\r\nHost: a\r\n\r\n"],
    why: "RFC 9112 §2.2 lets a server pass over an empty line, CR LF; Node passes over any CR and LF",
  },
  {
    ours: /: 400 (?:a line that does not end in CR LF|malformed field name|a control character in a field value|a folded field line)$/,
    node: ANYTHING,
    example: ["GET /read HTTP/1.1\r\nHost: a\r\n\r\nGET /read HTTP/1.1\r\nHost: a\nb: c\r\n\r\n"],
    why: "both refuse the same fields; behind an answered request Node throws that answer away",
  },
  {
    ours: /: 400 malformed method$/,
    node: /: 400 HPE_|^(?:request|200)/,
    example: ["GET /read HTTP/1.1\r\nHost: a\r\n\r\n\0"],
    why: "behind an answered request garbage is answered; Node closes without a word, or throws the earlier answer away",
  },
  {
    ours: /: 400 a method that asks for another protocol$/,
    node: ANYTHING,
    example: ["CONNECT /read HTTP/1.1\r\nHost: a\r\n\r\n"],
    why: "CONNECT and PRI get an answer and leave a record; Node cuts the connection",
  },
  {
    ours: /: 400 malformed request target$/,
    node: ANYTHING,
    example: ["GET  /read HTTP/1.1\r\nHost: a\r\n\r\n"],
    why: "exactly one space, visible ASCII, origin-, absolute- or asterisk-form (RFC 9112 §3); Node takes more spaces and '**'",
  },
  {
    ours: /: 400 unsupported or malformed HTTP version$/,
    node: ANYTHING,
    example: ["GET /read HTTP/2.0\r\nHost: a\r\n\r\n"],
    why: "HTTP/1.0 and HTTP/1.1 only, one space before them; Node also takes HTTP/0.9 and HTTP/2.0 for versions of this protocol",
  },
  {
    ours: /: 400 (?:no|malformed|more than one) Host$/,
    node: REFUSED,
    example: [
      "GET /read HTTP/1.1\r\nHost: a\r\n\r\nGET /read HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: x\r\n\r\n",
    ],
    why: "both refuse it; where more is wrong with it, or behind it, Node throws the answer before it away",
  },
  {
    ours: /: 400 Transfer-Encoding in HTTP\/1\.0$/,
    node: ANYTHING,
    example: ["GET /read HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
    why: "its framing is faulty by RFC 9112 §6.1; Node reads the chunks",
  },
  {
    ours: /: 400 a transfer coding other than chunked$/,
    node: ANYTHING,
    example: ["GET /read HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"],
    why: "only `chunked`, once; Node takes `gzip, chunked`, `,chunked`, `chunked, chunked` and hands the bytes on as they are",
  },
  {
    ours: /: 400 (?:malformed Content-Length|more than one Content-Length|Content-Length and Transfer-Encoding)$/,
    node: ANYTHING,
    example: ["PUT /read HTTP/1.1\r\nHost: a\r\nContent-Length: 9007199254740993\r\n\r\n"],
    why: "refused by both, but for lengths above 2^53, which Node takes, and after a request to upgrade",
  },
  {
    ours: /: 400 malformed chunk size$/,
    node: ANYTHING,
    example: [
      "PUT /read HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0000000000002\r\n{}\r\n0\r\n\r\n",
    ],
    why: "at most 12 digits and CR LF behind them; answered with 400, where Node closes without an answer or sends a second one",
  },
  {
    ours: /: 400 malformed or too long chunk extension$/,
    node: ANYTHING,
    example: ["PUT /read HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2 \r\n{}\r\n0\r\n\r\n"],
    why: "without white space and control characters, at most 256 bytes a chunk (CVE-2025-55315); answered, unlike Node",
  },
  {
    ours: /: 400 (?:a chunk that does not end in CR LF|malformed trailer field)$/,
    node: ANYTHING,
    example: ["PUT /read HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}xx"],
    why: "answered with 400; Node closes without an answer, or sends a second one",
  },
  {
    ours: /: 431 request header too large$/,
    node: ANYTHING,
    example: [`GET /read HTTP/1.1\r\nHost: a\r\n${"x: 1\r\n".repeat(300)}\r\n`],
    why: "at most 256 fields: of many small ones a head takes ten times its size in memory; Node counts bytes alone",
  },
  {
    ours: /: 431 trailer fields too large$/,
    node: ANYTHING,
    example: [
      `PUT /read HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nx: ${"t".repeat(5_000)}\r\n\r\n`,
    ],
    why: "4 KiB of trailers, which nobody reads; Node allows as much as for a head",
  },
  {
    ours: /: 417 an expectation other than 100-continue$/,
    node: ANYTHING,
    example: ["GET /read HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n"],
    why: "the connection closes behind 417, for its body may come or not; Node keeps it and reads on",
  },
  {
    ours: /^(?:request, )*(?:200, )+stays$/,
    node: /^(?:request, )*(?:200, )+closes$/,
    example: ["PUT /skip HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"],
    why: "a body that is there already, and unread, does not close the connection, nor does `Proxy-Connection: close`",
  },
  {
    ours: /^request, 200, closes$/,
    node: /^request, request, 200, closes$/,
    example: ["GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /read HTTP/1.1\r\nHost: a\r\n\r\n"],
    why: "one request at a time: none is served behind an answer that ends with the connection",
  },
  {
    ours: /^request, 200, (?:stays|closes)$/,
    node: /^request, 100, 200, (?:stays|closes)$/,
    example: ["PUT /read HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}"],
    why: "no `100 Continue` for a body that is there already (RFC 9110 §10.1.1)",
  },
  {
    ours: /^(?:request, )?200, closes$/,
    node: /^(?:request, )?200, stays$/,
    example: ["GET /read HTTP/1.1\r\nHost: a\r\nConnection: \tclose\t\r\n\r\n"],
    why: "a tab is white space around `close` too (RFC 9110 §5.6.3); Node does not see the option then",
    goneIn: [9, 4],
  },
  {
    ours: /^(?:request, )?(?:200, )?closes$/,
    node: /HPE_CLOSED_CONNECTION$|^200, 400, closes: 400 HPE_INVALID_CHUNK_SIZE$/,
    example: ["GET /skip HTTP/1.0\r\n\r\nx"],
    why: "what follows the last request of a connection is thrown away; Node throws its answer away, or sends a second one",
  },
  {
    ours: /^(?:request, |100, |200, )*(?:stays|closes)$/,
    node: /: 400 HPE_INVALID_METHOD$/,
    example: ["REPORTS /read HTTP/1.1\r\nHost: a\r\n\r\n"],
    why: "any token is a method, which the API answers with 405; Node knows a list. A part of a method waits for its rest",
  },
  {
    ours: /^(?:request, |100, |200, )*(?:stays|closes)$/,
    node: /: 400 HPE_(?:INVALID_(?:CONTENT_LENGTH|TRANSFER_ENCODING)|CLOSED_CONNECTION)$/,
    example: ["PUT /read HTTP/1.1\r\nHost: a\r\nContent-Length: 2\t\r\n\r\n{}"],
    why: "a tab is white space around a value too (RFC 9110 §5.5), and trailers say nothing of framing and connection",
    goneIn: [9, 4],
  },
  {
    ours: /^stays$/,
    node: REFUSED,
    example: ["GET # HTTP/1.1\r"],
    why: "a head is looked at when its end has come or twice as many bytes: refused then",
  },
];

/**
 * The first step at which two outcomes part, as `[ours, node's]`; undefined when they never do.
 * @param ours - the outcome after each piece that was fed
 */
export function firstDifference(
  ours: readonly Outcome[],
  node: readonly Outcome[],
): readonly [string, string] | undefined {
  for (let at = 0; at < ours.length; at++) {
    const [mine, theirs] = [ours[at], node[at]];
    if (mine === undefined || theirs === undefined) return ["no step", "no step"];
    const both = [told(mine, ours[at - 1]), told(theirs, node[at - 1])] as const;
    const requests = [mine.requests.at(-1), theirs.requests.at(-1)];
    if (both[0].replace(/:.*/, "") !== both[1].replace(/:.*/, "")) return both;
    if (requests[0] !== requests[1]) return [`another ${both[0]}`, `another ${both[1]}`];
    // Refused by both, with the same answer: each has its own words.
    if (mine.closes) return undefined;
  }
  return undefined;
}

/** What one piece has brought: `request, 200, stays`, or `400, closes: 400 malformed method`. */
function told(now: Outcome, before: Outcome | undefined): string {
  const requests = now.requests.slice(before?.requests.length ?? 0).map(() => "request");
  const statuses = now.statuses.slice(before?.statuses.length ?? 0);
  const refused = now.refused.slice(before?.refused.length ?? 0);
  const parts = [...requests, ...statuses, now.closes ? "closes" : "stays"];
  return parts.join(", ") + (refused.length === 0 ? "" : `: ${refused.join(" and ")}`);
}

/** The row that explains a difference in what became of `text`. */
export function explanationOf([ours, node]: readonly [string, string], text: string): Difference | undefined {
  return explained.find(
    (row) => row.ours.test(ours) && row.node.test(node) && (row.when === undefined || row.when.test(text)),
  );
}
