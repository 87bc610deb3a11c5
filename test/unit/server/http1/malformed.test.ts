import { expect } from "chai";
import { Http1Engine } from "../../../../src/server/http1/engine.js";
import { type Outcome, playAll, Theatre } from "../../../support/http1/play.js";

/** Taken for a request of its own, it is one that was smuggled. */
const SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
const GET = "GET /read HTTP/1.1\r\nHost: a\r\n";
const PUT = "PUT /read HTTP/1.1\r\nHost: a\r\n";
const CHUNKED = `${PUT}Transfer-Encoding: chunked\r\n\r\n`;

/** What the bytes stand for, the bytes, and how they are refused. */
type Row = readonly [what: string, bytes: string, refused: string];

const tables: Readonly<Record<string, readonly Row[]>> = {
  "CWE-444, CL.TE and TE.CL (CVE-2019-20372, CVE-2020-7238, CVE-2021-22959)": [
    [
      "length and coding",
      `${PUT}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      "400 Content-Length and Transfer-Encoding",
    ],
    [
      "coding and length",
      `${PUT}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`,
      "400 Content-Length and Transfer-Encoding",
    ],
    [
      "coding and a length of 0",
      `${PUT}Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n`,
      "400 Content-Length and Transfer-Encoding",
    ],
    [
      "both, far apart",
      `${PUT}Content-Length: 5\r\n${"x: 1\r\n".repeat(200)}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      "400 Content-Length and Transfer-Encoding",
    ],
  ],
  "CWE-444, TE.TE: a coding that not everybody sees (CVE-2019-15605, CVE-2022-32214, CVE-2022-35256)": [
    [
      "twice",
      `${PUT}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      "400 a transfer coding other than chunked",
    ],
    [
      "twice, another first",
      `${PUT}Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      "400 a transfer coding other than chunked",
    ],
    [
      "another before it",
      `${PUT}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
      "400 a transfer coding other than chunked",
    ],
    [
      "another behind it",
      `${PUT}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
      "400 a transfer coding other than chunked",
    ],
    [
      "with a letter too many",
      `${PUT}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
      "400 a transfer coding other than chunked",
    ],
    [
      "with a parameter",
      `${PUT}Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n`,
      "400 a transfer coding other than chunked",
    ],
    [
      "in quotes",
      `${PUT}Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n`,
      "400 a transfer coding other than chunked",
    ],
    ["empty", `${PUT}Transfer-Encoding:\r\n\r\n0\r\n\r\n`, "400 a transfer coding other than chunked"],
    [
      "with a long s, which folds to s",
      `${PUT}Transfer-Encoding: chunked\u00c5\u00bf\r\n\r\n0\r\n\r\n`,
      "400 a transfer coding other than chunked",
    ],
    [
      "behind a vertical tab",
      `${PUT}Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n`,
      "400 a control character in a field value",
    ],
    [
      "in HTTP/1.0",
      "PUT /read HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "400 Transfer-Encoding in HTTP/1.0",
    ],
  ],
  "CWE-444, Content-Length that is read in two ways (CVE-2018-7159, CVE-2020-8287)": [
    [
      "twice, the same",
      `${PUT}Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}`,
      "400 more than one Content-Length",
    ],
    [
      "twice, another",
      `${PUT}Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}`,
      "400 more than one Content-Length",
    ],
    ["a list", `${PUT}Content-Length: 2, 2\r\n\r\n{}`, "400 malformed Content-Length"],
    ["a plus", `${PUT}Content-Length: +2\r\n\r\n{}`, "400 malformed Content-Length"],
    ["a minus", `${PUT}Content-Length: -2\r\n\r\n{}`, "400 malformed Content-Length"],
    ["a blank inside", `${PUT}Content-Length: 4 2\r\n\r\n{}`, "400 malformed Content-Length"],
    ["hexadecimal", `${PUT}Content-Length: 0x2\r\n\r\n{}`, "400 malformed Content-Length"],
    ["underscores", `${PUT}Content-Length: 1_0\r\n\r\n{}`, "400 malformed Content-Length"],
    ["a fraction", `${PUT}Content-Length: 2.0\r\n\r\n{}`, "400 malformed Content-Length"],
    ["an exponent", `${PUT}Content-Length: 2e0\r\n\r\n{}`, "400 malformed Content-Length"],
    ["nothing", `${PUT}Content-Length:\r\n\r\n{}`, "400 malformed Content-Length"],
    ["above 2^53", `${PUT}Content-Length: 9007199254740993\r\n\r\n{}`, "400 malformed Content-Length"],
    ["above 2^64", `${PUT}Content-Length: 18446744073709551618\r\n\r\n{}`, "400 malformed Content-Length"],
    [
      "twenty-one digits",
      `${PUT}Content-Length: 000000000000000000002\r\n\r\n{}`,
      "400 malformed Content-Length",
    ],
    [
      "Arabic digits in UTF-8",
      `${PUT}Content-Length: \u00d9\u00a2\r\n\r\n{}`,
      "400 malformed Content-Length",
    ],
    ["a NUL", `${PUT}Content-Length: 2\0\r\n\r\n{}`, "400 a control character in a field value"],
  ],
  "CWE-93, line ends (CVE-2022-32213, CVE-2022-32215, CVE-2023-30589, CVE-2024-27982)": [
    [
      "a bare LF behind the request line",
      "GET /read HTTP/1.1\nHost: a\r\n\r\n",
      "400 unsupported or malformed HTTP version",
    ],
    ["a bare LF behind a field", `${GET}x: 1\ny: 2\r\n\r\n`, "400 a line that does not end in CR LF"],
    ["a bare LF for the empty line", `${GET}x: 1\r\n\n`, "400 a line that does not end in CR LF"],
    [
      "a bare CR in a value",
      `${GET}x: 1\rContent-Length: 40\r\n\r\n`,
      "400 a line that does not end in CR LF",
    ],
    ["a bare CR behind a value", `${GET}x: 1\r\r\n\r\n`, "400 a line that does not end in CR LF"],
    ["a bare CR for the empty line", `${GET}x: 1\r\n\rX`, "400 a line that does not end in CR LF"],
    [
      "a bare CR before a name",
      `${GET}\rContent-Length: 40\r\n\r\n`,
      "400 a line that does not end in CR LF",
    ],
    ["an LF before the request line", `\n${GET}\r\n`, "400 a bare CR or LF before the request line"],
    ["a CR before the request line", `\r${GET}\r\n`, "400 a bare CR or LF before the request line"],
  ],
  "CWE-444, folded lines (CVE-2022-32215)": [
    ["a blank", `${GET}x: 1\r\n y: 2\r\n\r\n`, "400 a folded field line"],
    ["a tab", `${GET}x: 1\r\n\ty: 2\r\n\r\n`, "400 a folded field line"],
    ["before the first field", "GET /read HTTP/1.1\r\n Host: a\r\n\r\n", "400 a folded field line"],
    ["a blank line that is not empty", `${GET}x: 1\r\n \r\n\r\n`, "400 a folded field line"],
    [
      "a coding on the next line",
      `${PUT}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n`,
      "400 a folded field line",
    ],
  ],
  "CWE-444, names of fields (CVE-2019-16869, CVE-2024-27982, CVE-2020-8201)": [
    ["a blank before the colon", `${PUT}Content-Length : 2\r\n\r\n{}`, "400 malformed field name"],
    [
      "a tab before the colon",
      `${PUT}Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n`,
      "400 malformed field name",
    ],
    ["a blank inside", `${PUT}Content Length: 2\r\n\r\n{}`, "400 malformed field name"],
    ["a NUL", `${PUT}Content-Length\0: 2\r\n\r\n{}`, "400 malformed field name"],
    ["a blank that is none in ASCII", `${PUT}\u00a0Content-Length: 2\r\n\r\n{}`, "400 malformed field name"],
    ["a letter beyond ASCII", `${PUT}x-\u00e4: 2\r\n\r\n`, "400 malformed field name"],
    ["a parenthesis", `${PUT}(x): 2\r\n\r\n`, "400 malformed field name"],
    ["a semicolon", `${PUT}x;y: 2\r\n\r\n`, "400 malformed field name"],
    ["none at all", `${PUT}: 2\r\n\r\n`, "400 malformed field name"],
    ["no colon", `${PUT}Content-Length\r\n\r\n`, "400 malformed field name"],
  ],
  "CWE-158, control characters in values": [
    ["a NUL", `${GET}x: a\0b\r\n\r\n`, "400 a control character in a field value"],
    ["a backspace", `${GET}x: a\bb\r\n\r\n`, "400 a control character in a field value"],
    ["a delete", `${GET}x: \x7f\r\n\r\n`, "400 a control character in a field value"],
    ["an escape", `${GET}x: \x1b[2J\r\n\r\n`, "400 a control character in a field value"],
  ],
  "RFC 9112 §3, the request line": [
    ["two blanks before the target", "GET  /read HTTP/1.1\r\n\r\n", "400 malformed request target"],
    [
      "two blanks behind the target",
      "GET /read  HTTP/1.1\r\n\r\n",
      "400 unsupported or malformed HTTP version",
    ],
    ["a tab", "GET\t/read HTTP/1.1\r\n\r\n", "400 malformed method"],
    ["a blank before it", " GET /read HTTP/1.1\r\nHost: a\r\n\r\n", "400 malformed method"],
    ["a blank behind it", "GET /read HTTP/1.1 \r\n\r\n", "400 unsupported or malformed HTTP version"],
    ["a blank in the target", "GET /a b HTTP/1.1\r\n\r\n", "400 unsupported or malformed HTTP version"],
    ["a NUL in the target", "GET /a\0 HTTP/1.1\r\nHost: a\r\n\r\n", "400 malformed request target"],
    [
      "a byte beyond ASCII in the target",
      "GET /\u00e4 HTTP/1.1\r\nHost: a\r\n\r\n",
      "400 malformed request target",
    ],
    ["authority-form", "GET host:443 HTTP/1.1\r\nHost: a\r\n\r\n", "400 malformed request target"],
    ["no target", "GET HTTP/1.1\r\n\r\n", "400 malformed request target"],
    ["a relative target", "GET read HTTP/1.1\r\nHost: a\r\n\r\n", "400 malformed request target"],
    ["a method of bytes that are no token", "G@T /read HTTP/1.1\r\nHost: a\r\n\r\n", "400 malformed method"],
    ["a method without end", "A".repeat(60), "400 malformed method"],
    [
      "CONNECT",
      "CONNECT host:443 HTTP/1.1\r\nHost: host\r\n\r\n",
      "400 a method that asks for another protocol",
    ],
    [
      "the preface of HTTP/2",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "400 unsupported or malformed HTTP version",
    ],
    ["HTTP/0.9", "GET /read\r\n", "400 malformed request target"],
    ["HTTP/2.0", "GET /read HTTP/2.0\r\n\r\n", "400 unsupported or malformed HTTP version"],
    ["HTTP/1.2", "GET /read HTTP/1.2\r\n\r\n", "400 unsupported or malformed HTTP version"],
    ["a version in lower case", "GET /read http/1.1\r\n\r\n", "400 unsupported or malformed HTTP version"],
    [
      "a version with more digits",
      "GET /read HTTP/1.10\r\n\r\n",
      "400 unsupported or malformed HTTP version",
    ],
    ["two versions", "GET /read HTTP/1.1 HTTP/1.1\r\n\r\n", "400 unsupported or malformed HTTP version"],
    ["another protocol", "\x16\x03\x01\x02\x00\x01\x00", "400 malformed method"],
  ],
  "RFC 9112 §3.2, Host (CVE-2022-24766)": [
    ["twice", "GET /read HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400 more than one Host"],
    ["twice, the same", "GET /read HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", "400 more than one Host"],
    ["none", "GET /read HTTP/1.1\r\nx-a: 1\r\n\r\n", "400 no Host"],
    ["none, with an absolute target", "GET https://a/read HTTP/1.1\r\n\r\n", "400 no Host"],
    ["a list", "GET /read HTTP/1.1\r\nHost: a, b\r\n\r\n", "400 malformed Host"],
    ["a user", "GET /read HTTP/1.1\r\nHost: a@b\r\n\r\n", "400 malformed Host"],
    ["a path", "GET /read HTTP/1.1\r\nHost: a/b\r\n\r\n", "400 malformed Host"],
    ["a line break for some", "GET /read HTTP/1.1\r\nHost: a\u0085b\r\n\r\n", "400 malformed Host"],
    ["none, in HTTP/1.0, but malformed", "GET /read HTTP/1.0\r\nHost: a b\r\n\r\n", "400 malformed Host"],
  ],
  "CWE-444, chunk sizes (CVE-2022-32213, CVE-2023-25690, CVE-2020-8287)": [
    ["none", `${CHUNKED}\r\n{}\r\n0\r\n\r\n`, "400 malformed chunk size"],
    ["a sign", `${CHUNKED}+2\r\n{}\r\n0\r\n\r\n`, "400 malformed chunk size"],
    ["a minus", `${CHUNKED}-2\r\n{}\r\n0\r\n\r\n`, "400 malformed chunk size"],
    ["a prefix", `${CHUNKED}0x2\r\n{}\r\n0\r\n\r\n`, "400 malformed or too long chunk extension"],
    ["a blank before it", `${CHUNKED} 2\r\n{}\r\n0\r\n\r\n`, "400 malformed chunk size"],
    ["a blank behind it", `${CHUNKED}2 \r\n{}\r\n0\r\n\r\n`, "400 malformed or too long chunk extension"],
    ["a digit that is none", `${CHUNKED}g\r\n{}\r\n0\r\n\r\n`, "400 malformed chunk size"],
    ["an underscore", `${CHUNKED}1_0\r\n{}\r\n0\r\n\r\n`, "400 malformed or too long chunk extension"],
    ["2^64 + 2", `${CHUNKED}10000000000000002\r\n{}\r\n0\r\n\r\n`, "400 malformed chunk size"],
    ["2^64 - 1", `${CHUNKED}ffffffffffffffff\r\n{}\r\n0\r\n\r\n`, "400 malformed chunk size"],
    ["many zeros", `${CHUNKED}${"0".repeat(20)}2\r\n{}\r\n0\r\n\r\n`, "400 malformed chunk size"],
    ["a bare LF behind it", `${CHUNKED}2\n{}\r\n0\r\n\r\n`, "400 malformed chunk size"],
    ["a bare CR behind it", `${CHUNKED}2\r{}\r\n0\r\n\r\n`, "400 malformed or too long chunk extension"],
    ["too small", `${CHUNKED}1\r\n{}\r\n0\r\n\r\n`, "400 a chunk that does not end in CR LF"],
    ["a bare LF behind the data", `${CHUNKED}2\r\n{}\n0\r\n\r\n`, "400 a chunk that does not end in CR LF"],
    ["a bare CR behind the data", `${CHUNKED}2\r\n{}\rX0\r\n\r\n`, "400 a chunk that does not end in CR LF"],
    ["nothing behind the data", `${CHUNKED}2\r\n{}0\r\n\r\n`, "400 a chunk that does not end in CR LF"],
  ],
  "CWE-444, chunk extensions (CVE-2025-55315, CVE-2025-22871, CVE-2023-39326)": [
    ["a bare LF inside", `${CHUNKED}2;\nxx\r\n${SMUGGLED}`, "400 malformed chunk size"],
    ["a bare LF inside of a name", `${CHUNKED}2;a\nxx\r\n0\r\n\r\n`, "400 malformed chunk size"],
    ["a bare LF in quotes", `${CHUNKED}2;a="\n"\r\n{}\r\n0\r\n\r\n`, "400 malformed chunk size"],
    ["CR LF in quotes", `${CHUNKED}2;a="\r\n{}\r\n0\r\n\r\n`, "400 malformed or too long chunk extension"],
    ["a bare CR inside", `${CHUNKED}2;a\rX\r\n{}\r\n0\r\n\r\n`, "400 malformed or too long chunk extension"],
    [
      "a bare CR at its end",
      `${CHUNKED}2;a\r\r\n{}\r\n0\r\n\r\n`,
      "400 malformed or too long chunk extension",
    ],
    ["no name", `${CHUNKED}2;\r\n{}\r\n0\r\n\r\n`, "400 malformed or too long chunk extension"],
    ["a blank", `${CHUNKED}2; a=b\r\n{}\r\n0\r\n\r\n`, "400 malformed or too long chunk extension"],
    ["a NUL", `${CHUNKED}2;a\0\r\n{}\r\n0\r\n\r\n`, "400 malformed or too long chunk extension"],
    [
      "quotes that do not end",
      `${CHUNKED}2;a="b\r\n{}\r\n0\r\n\r\n`,
      "400 malformed or too long chunk extension",
    ],
    [
      "hundreds of bytes",
      `${CHUNKED}2;${"a".repeat(300)}\r\n{}\r\n0\r\n\r\n`,
      "400 malformed or too long chunk extension",
    ],
    ["without end", `${CHUNKED}2;${"a".repeat(5_000)}`, "400 malformed or too long chunk extension"],
    [
      "a little with each of many bytes",
      `${CHUNKED}${`1;${"a".repeat(200)}\r\nx\r\n`.repeat(100)}0\r\n\r\n`,
      "400 malformed or too long chunk extension",
    ],
  ],
  "CWE-444, trailers (CVE-2021-22960)": [
    ["no colon", `${CHUNKED}0\r\nx\r\n\r\n`, "400 malformed trailer field"],
    ["a request", `${CHUNKED}0\r\n${SMUGGLED}`, "400 malformed trailer field"],
    ["a bare LF", `${CHUNKED}0\r\nx: 1\ny: 2\r\n\r\n`, "400 malformed trailer field"],
    ["a bare LF for the empty line", `${CHUNKED}0\r\n\n`, "400 malformed trailer field"],
    ["a folded line", `${CHUNKED}0\r\nx: 1\r\n y\r\n\r\n`, "400 malformed trailer field"],
    ["a NUL", `${CHUNKED}0\r\nx: \0\r\n\r\n`, "400 malformed trailer field"],
    ["without end", `${CHUNKED}0\r\n${"x: 1\r\n".repeat(1_000)}`, "431 trailer fields too large"],
    // However the bytes are cut: found by the fuzzer.
    [
      "malformed beyond the bound",
      `${CHUNKED}0\r\nx: ${"a".repeat(5_000)}\0\r\n\r\n`,
      "431 trailer fields too large",
    ],
  ],
  "CWE-770, heads without end": [
    ["one field", `${GET}x: ${"a".repeat(70_000)}`, "431 request header too large"],
    ["many fields", `${GET}${"x: 1\r\n".repeat(12_000)}`, "431 request header too large"],
    ["a whole head", `${GET}x: ${"a".repeat(70_000)}\r\n\r\n`, "431 request header too large"],
    ["a target", `GET /${"a".repeat(70_000)}`, "431 request header too large"],
    [
      "malformed beyond the bound",
      `${GET}x: ${"a".repeat(70_000)}\0\r\n\r\n`,
      "431 request header too large",
    ],
    ["empty lines", "\r\n".repeat(40_000), "431 request header too large"],
  ],
  "RFC 9110 §10.1.1, expectations": [
    [
      "another",
      `${PUT}Expect: 200-ok\r\nContent-Length: 2\r\n\r\n{}`,
      "417 an expectation other than 100-continue",
    ],
    ["nothing", `${PUT}Expect:\r\nContent-Length: 2\r\n\r\n{}`, "417 an expectation other than 100-continue"],
  ],
};

describe("server/http1: malformed requests", () => {
  const theatre = new Theatre((options) => new Http1Engine(options));
  after(() => theatre.close());

  for (const [group, rows] of Object.entries(tables)) {
    describe(group, () => {
      for (const [what, bytes, refused] of rows) {
        it(`refuses ${what}`, async () => {
          const outcome = await play(bytes, SMUGGLED);
          const status = Number(refused.slice(0, 3));
          expect(outcome).to.deep.equal({
            requests: [],
            statuses: [status],
            refused: [refused],
            closes: true,
          });
        });

        it(`refuses ${what}, behind a request that is answered`, async () => {
          const outcome = await play(`${GET}\r\n${bytes}`, SMUGGLED);
          expect(outcome.requests).to.have.length(1);
          expect(outcome.statuses).to.deep.equal([200, Number(refused.slice(0, 3))]);
          expect(outcome.refused).to.deep.equal([refused]);
        });
      }
    });
  }

  async function play(...pieces: readonly string[]): Promise<Outcome> {
    const [steps = []] = await playAll(theatre, [pieces], 6);
    const outcome = steps.at(-1);
    if (outcome === undefined) throw new Error("nothing was played");
    return outcome;
  }

  describe("that only look so", () => {
    const accepted: readonly (readonly [what: string, bytes: string, requests: readonly string[]])[] = [
      ["an empty line before it", `\r\n\r\n${GET}\r\n`, ['"GET" "/read" "" ""']],
      ["no Host, in HTTP/1.0", "GET /read HTTP/1.0\r\n\r\n", ['"GET" "/read" "" ""']],
      ["an empty Host", "GET /read HTTP/1.1\r\nHost:\r\n\r\n", ['"GET" "/read" "" ""']],
      [
        "an address as Host",
        "GET /read HTTP/1.1\r\nHost: [fe80::1%25eth0]:7373\r\n\r\n",
        ['"GET" "/read" "" ""'],
      ],
      ["no fields in HTTP/1.0", "GET /read HTTP/1.0\r\n\r\n", ['"GET" "/read" "" ""']],
      ["absolute-form", "GET https://a/read HTTP/1.1\r\nHost: a\r\n\r\n", ['"GET" "https://a/read" "" ""']],
      ["asterisk-form", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", ['"OPTIONS" "*" "" ""']],
      ["white space around a value", `${GET}x-a: \t a b\t \r\n\r\n`, ['"GET" "/read" "a b" ""']],
      ["an empty value", `${GET}x-a:\r\n\r\n`, ['"GET" "/read" "" ""']],
      ["values of one name", `${GET}x-a: 1\r\nX-A: 2\r\nx-A:3\r\n\r\n`, ['"GET" "/read" "1|2|3" ""']],
      ["bytes beyond ASCII in a value", `${GET}x-a: \u00e4\r\n\r\n`, ['"GET" "/read" "\u00e4" ""']],
      ["a length with zeros", `${PUT}Content-Length: 0002\r\n\r\n{}`, ['"PUT" "/read" "" "{}"']],
      ["names in capitals", `${PUT}CONTENT-LENGTH: 2\r\n\r\n{}`, ['"PUT" "/read" "" "{}"']],
      [
        "a coding in capitals",
        `${PUT}TRANSFER-ENCODING: CHUNKED\r\n\r\n1\r\n{\r\n0001\r\n}\r\n00\r\n\r\n`,
        ['"PUT" "/read" "" "{}"'],
      ],
      ["extensions", `${CHUNKED}2;a;b=c;d="e \\" f"\r\n{}\r\n0;x\r\n\r\n`, ['"PUT" "/read" "" "{}"']],
      [
        "trailers",
        `${CHUNKED}2\r\n{}\r\n0\r\nx-a: 1\r\nContent-Length: 5\r\n\r\n`,
        ['"PUT" "/read" "" "{}"'],
      ],
      [
        "a body of what looks like one",
        `${PUT}Content-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
        [`"PUT" "/read" "" ${JSON.stringify(SMUGGLED)}`],
      ],
      ["to upgrade", `${GET}Connection: upgrade\r\nUpgrade: h2c\r\n\r\n`, ['"GET" "/read" "" ""']],
    ];
    for (const [what, bytes, requests] of accepted) {
      it(`takes ${what}`, async () => {
        const outcome = await play(bytes);
        expect(outcome.requests).to.deep.equal(requests);
        expect(outcome.refused).to.deep.equal([]);
        expect(outcome.statuses).to.deep.equal([200]);
      });
    }
  });
});
