import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect } from "chai";
import fc from "fast-check";
import { hasRealSlashes, readTarget } from "../../../src/server/canonical-path.js";

const path = (target: string): unknown => {
  const result = readTarget(target);
  return result.kind === "path" ? result.path : result;
};

/** Decodes escapes one by one: slow, and written without looking at the code under test. */
function slowDecode(raw: string): string {
  const bytes: number[] = [];
  let rest = raw;
  while (rest !== "") {
    const [hex] = /^%[0-9a-f]{2}/i.exec(rest) ?? [];
    if (hex !== undefined) {
      bytes.push(Number(`0x${hex.slice(1)}`));
      rest = rest.slice(3);
    } else {
      const [first = ""] = rest;
      bytes.push(...new TextEncoder().encode(first));
      rest = rest.slice(first.length);
    }
  }
  // `ignoreBOM` keeps a leading mark instead of swallowing it.
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(bytes));
}

// Pieces that parsers of paths stumble over, in any order.
const piece = fc.oneof(
  fc.constantFrom(
    "/",
    "//",
    "/./",
    "/../",
    ".",
    "..",
    "%2e",
    "%2E%2e",
    "%2f",
    "%252f",
    "%25",
    "%",
    "%0",
    "\\",
  ),
  fc.constantFrom(
    "?",
    "#",
    ";",
    "+",
    "*",
    "~",
    "%00",
    "%c0%af",
    "%ff",
    "é",
    "☰",
    "\t",
    " ",
    "\u0000",
    "@",
    ":",
  ),
  fc.constantFrom("v1", "key", "decrypt", "secret", "evil.example", "https://", "HTTP://", "http:/"),
);
const target = fc
  .array(piece, { maxLength: 14 })
  .map((pieces) => pieces.join(""))
  .chain((text) => fc.constantFrom(text, `/${text}`, `//${text}`));

describe("readTarget", () => {
  const paths: readonly (readonly [why: string, target: string, path: string])[] = [
    ["a plain path", "/v1/key/create/my-key", "/v1/key/create/my-key"],
    ["the root", "/", "/"],
    ["a final slash", "/v1/key/list/", "/v1/key/list/"],
    ["a query is cut off", "/v1/status?enclave=x/../y", "/v1/status"],
    ["a query of its own slashes", "/v1/status?//", "/v1/status"],
    ["an escaped letter", "/v1/key/create/%6dy", "/v1/key/create/my"],
    ["an escaped slash", "/v1/key/create/a%2Fb", "/v1/key/create/a/b"],
    ["a double escape is decoded once", "/v1/key/create/a%252Fb", "/v1/key/create/a%2Fb"],
    ["an escaped dot segment stays", "/v1/key/%2e%2e/create/x", "/v1/key/../create/x"],
    ["a plus is a plus", "/v1/key/create/a+b", "/v1/key/create/a+b"],
    ["an escaped question mark", "/v1/key/create/a%3Fb", "/v1/key/create/a?b"],
    ["a number sign", "/v1/key/create/a#b", "/v1/key/create/a#b"],
    ["parameters", "/v1/key/create/a;b=c", "/v1/key/create/a;b=c"],
    ["three dots are a name", "/v1/key/.../x", "/v1/key/.../x"],
    ["an escaped NUL", "/v1/key/create/a%00", "/v1/key/create/a\u0000"],
    ["over-long UTF-8 is no slash", "/v1/key/create/a%c0%afb", "/v1/key/create/a\ufffd\ufffdb"],
    ["half a character", "/v1/key/create/%e2%98", "/v1/key/create/\ufffd"],
    ["an absolute URL", "https://host:7373/v1/status", "/v1/status"],
    ["an absolute URL in capitals", "HTTPS://host/v1/status", "/v1/status"],
    ["an absolute URL without path", "http://host", "/"],
    ["an absolute URL with user", "http://a:b@host/v1/status", "/v1/status"],
  ];
  for (const [why, given, wanted] of paths) {
    it(`${why}: ${JSON.stringify(given)}`, () => expect(path(given)).to.equal(wanted));
  }

  const redirects: readonly (readonly [target: string, location: string])[] = [
    ["//", "/"],
    ["/v1//key/list/", "/v1/key/list/"],
    ["/v1/./key", "/v1/key"],
    ["/v1/key/create/../delete/x", "/v1/key/delete/x"],
    ["/v1/key/create/x/..", "/v1/key/create"],
    ["/v1/key/create/x/.", "/v1/key/create/x"],
    ["/../../v1/status", "/v1/status"],
    ["/..", "/"],
    ["//evil.example/x", "/evil.example/x"],
    ["///evil.example", "/evil.example"],
    ["//\\evil.example", "/%5Cevil.example"],
    ["/v1//key/list/?a=b&c", "/v1/key/list/?a=b&c"],
    ["/v1//key/list/?\r\nx: y", "/v1/key/list/?%0D%0Ax:%20y"],
    ["/v1//é", "/v1/%C3%A9"],
    ["/v1//%2e%2e/x", "/v1/%2e%2e/x"],
    ["http://host//evil.example", "/evil.example"],
  ];
  for (const [given, location] of redirects) {
    it(`sends ${JSON.stringify(given)} to ${location}`, () =>
      expect(readTarget(given)).to.deep.equal({ kind: "redirect", location }));
  }

  const invalid: readonly (readonly [why: string, target: string])[] = [
    ["empty", ""],
    ["without slash", "v1/status"],
    ["asterisk", "*"],
    ["authority form", "host:7373"],
    ["another scheme", "ftp://host/v1/status"],
    ["one slash behind the scheme", "http:/v1/status"],
    ["half an escape", "/v1/%"],
    ["an escape of one digit", "/v1/%2"],
    ["an escape of no digits", "/v1/%zz"],
    ["an escape in other letters", "/v1/%u0041"],
    ["a space", "/v1/ status"],
    ["a tab", "/v1/status\t"],
    ["a NUL", "/v1/status\u0000"],
    ["a line break", "/v1/status\r\nx: y"],
    ["DEL", "/v1/status\u007f"],
    ["over-long", `/v1/key/create/${"a".repeat(4096)}`],
    ["over-long by escapes", `/v1/key/create/${"%61".repeat(1400)}`],
    ["over-long and not clean", `/${"/".repeat(5000)}`],
  ];
  for (const [why, given] of invalid) {
    it(`refuses ${why}`, () => expect(readTarget(given)).to.have.property("kind", "invalid"));
  }

  it("never throws", () => {
    fc.assert(
      fc.property(fc.oneof(target, fc.string({ unit: "binary" })), (text) => void readTarget(text)),
      {
        numRuns: 2000,
      },
    );
  });

  it("decodes exactly once: like a slow decoder of its own", () => {
    let seen = 0;
    fc.assert(
      fc.property(target, (text) => {
        const result = readTarget(text);
        if (result.kind !== "path") return;
        if (result.raw.includes("%")) seen++;
        expect(result.path).to.equal(slowDecode(result.raw));
      }),
      { numRuns: 5000 },
    );
    expect(seen).to.be.above(50);
  });

  it("gives a path that has no dot segment, no empty segment and no control character but escaped ones", () => {
    fc.assert(
      fc.property(target, (text) => {
        const result = readTarget(text);
        if (result.kind !== "path") return;
        expect(result.raw).to.match(/^\//);
        expect(result.raw).not.to.match(/\/\/|\/\.{1,2}(\/|$)|[\s?]/);
      }),
      { numRuns: 5000 },
    );
  });

  it("never leads to another host, and always to a path that is clean", () => {
    let seen = 0;
    fc.assert(
      fc.property(target, (text) => {
        const result = readTarget(text);
        if (result.kind !== "redirect") return;
        seen++;
        // As a browser reads it, which takes a backslash for a slash and drops tabs and line breaks.
        expect(new URL(result.location, "https://server.example").host).to.equal("server.example");
        expect(result.location).to.match(/^[\x21-\x5b\x5d-\x7e]+$/);
        expect(readTarget(result.location)).to.have.property("kind", "path");
      }),
      { numRuns: 5000 },
    );
    expect(seen).to.be.above(500);
  });

  it("takes a short path by a short cut that changes nothing", () => {
    // A query forces nothing, an escape does: both ways must agree on what needs no decoding.
    fc.assert(
      fc.property(fc.stringMatching(/^(\/[a-zA-Z0-9_~!$&'()*+,:;=@-]{1,8}){1,5}\/?$/), (text) => {
        const escaped = text.replace(/[a-z]/, (c) => `%${c.charCodeAt(0).toString(16)}`);
        expect(path(escaped)).to.equal(path(text)).and.to.equal(text);
      }),
    );
  });
});

describe("hasRealSlashes", () => {
  const cases: readonly (readonly [raw: string, slashes: number, real: boolean])[] = [
    ["/v1/key/create/x", 4, true],
    ["/v1/key/create/a%2Fb", 4, true],
    ["/v1/key/create/a%2Fb", 5, false],
    ["/v1%2Fkey/create/x", 4, false],
    ["/v1%2Fkey/create/x/y/z", 4, false],
    ["/v1/key/create%2Fx", 4, false],
    ["/v1/%6bey/create/x", 4, true],
    ["%2Fv1/key/create/x", 4, false],
  ];
  for (const [raw, slashes, real] of cases) {
    it(`${raw}: ${real ? "the first" : "not all of the first"} ${slashes} stand as they are`, () =>
      expect(hasRealSlashes(raw, slowDecode(raw), slashes)).to.equal(real));
  }

  it("keeps nothing of a long query in the path, of which names are remembered", () => {
    setFlagsFromString("--expose-gc");
    const collect: unknown = runInNewContext("gc");
    if (typeof collect !== "function") throw new Error("there is no gc()");
    const heapBytes = (): number => {
      collect();
      return process.memoryUsage().heapUsed;
    };
    const before = heapBytes();
    const names = Array.from({ length: 500 }, (_, i) => {
      const bytes = Buffer.from(`/v1/key/generate/name-of-a-key-${i}?${"q".repeat(60_000)}`);
      const read = readTarget(bytes.toString("latin1"));
      return read.kind === "path" ? read.path.slice("/v1/key/generate/".length) : "";
    });
    expect(heapBytes() - before).to.be.below(5_000_000);
    expect(names.at(-1)).to.equal("name-of-a-key-499");
  });
});
