/** Ranges, conditions, names, dates, rights, stored headers: tables of the S3 API reference §2 and §4. */
import { expect } from "chai";
import fc from "fast-check";
import * as conditions from "../../../../src/storage/s3/conditions.js";
import type { S3Failure } from "../../../../src/storage/s3/errors.js";
import { readDirective, readStoredHeaders, responseOverrides } from "../../../../src/storage/s3/headers.js";
import { formatHttpDate, parseHttpDate } from "../../../../src/storage/s3/http-date.js";
import { checkKey, isBucketName, parseCopySource } from "../../../../src/storage/s3/names.js";
import {
  contentRange,
  parseCopyRange,
  parseRange,
  resolveRange,
  unsatisfiedRange,
} from "../../../../src/storage/s3/ranges.js";
import { RequestHeaders } from "../../../../src/storage/s3/request-headers.js";
import { allowsBucket, allowsListing, allowsObject, type Rights } from "../../../../src/storage/s3/rights.js";
import { headersOf, queryOf, refused } from "./support.js";

describe("storage/s3 ranges", () => {
  const rows: readonly (readonly [header: string, size: number, result: string | undefined | "416"])[] = [
    ["bytes=0-9", 100, "0-9"],
    ["bytes=0-0", 100, "0-0"],
    ["bytes=90-", 100, "90-99"],
    ["bytes=90-1000", 100, "90-99"],
    ["bytes=99-99", 100, "99-99"],
    ["bytes=-10", 100, "90-99"],
    ["bytes=-1000", 100, "0-99"],
    ["bytes=-99999999999999999999999", 100, "0-99"],
    ["bytes=0-99999999999999999999999", 100, "0-99"],
    ["BYTES=1-2", 100, "1-2"],
    ["bytes= 1-2 ", 100, "1-2"],
    ["bytes=100-", 100, "416"],
    ["bytes=100-200", 100, "416"],
    ["bytes=99999999999999999999-", 100, "416"],
    ["bytes=-0", 100, "416"],
    ["bytes=0-", 0, "416"],
    ["bytes=0-0", 0, "416"],
    ["bytes=-5", 0, "416"],
    ["bytes=2-1", 100, undefined],
    ["bytes=-", 100, undefined],
    ["bytes=", 100, undefined],
    ["bytes", 100, undefined],
    ["bytes=a-b", 100, undefined],
    ["bytes=1-2,4-5", 100, undefined],
    ["bytes=0x1-2", 100, undefined],
    ["bytes=--1", 100, undefined],
    ["items=0-9", 100, undefined],
    ["", 100, undefined],
  ];
  for (const [header, size, result] of rows) {
    it(`'${header}' of ${size} bytes: ${result ?? "the whole"}`, () => {
      const range = parseRange(header);
      if (result === undefined) return void expect(range).to.equal(undefined);
      if (range === undefined) throw new Error("passed over");
      if (result === "416") {
        const error = refused(() => resolveRange(range, size, header), "RANGE_UNSATISFIABLE");
        expect(error.members).to.deep.equal({ RangeRequested: header, ActualObjectSize: String(size) });
      } else {
        expect(contentRange(resolveRange(range, size, header), size)).to.equal(`bytes ${result}/${size}`);
      }
    });
  }

  it("is always inside of the object", () => {
    fc.assert(
      fc.property(fc.option(fc.nat()), fc.option(fc.nat()), fc.nat(), (from, to, size) => {
        const header = `bytes=${from ?? ""}-${to ?? ""}`;
        const range = parseRange(header);
        if (range === undefined) return;
        try {
          const { first, last } = resolveRange(range, size, header);
          expect(first).to.be.within(0, last);
          expect(last).to.be.lessThan(size);
        } catch (error) {
          expect(error).to.have.property("reason", "RANGE_UNSATISFIABLE");
        }
      }),
    );
    expect(unsatisfiedRange(5)).to.equal("bytes */5");
  });

  it("of copies needs both ends, inside of the source", () => {
    expect(parseCopyRange("bytes=0-4", 5)).to.deep.equal({ first: 0, last: 4 });
    for (const bad of ["bytes=0-", "bytes=-5", "0-4", "bytes=3-1", "bytes=0-4,5-6", ""]) {
      refused(() => parseCopyRange(bad, 5), "COPY_RANGE_INVALID");
    }
    refused(() => parseCopyRange("bytes=0-5", 5), "RANGE_UNSATISFIABLE");
  });
});

describe("storage/s3 conditions", () => {
  const modifiedMs = Date.UTC(2026, 0, 1, 12, 0, 0) + 700;
  const subject = { etag: "abc-2", modifiedMs };
  const at = formatHttpDate(modifiedMs);
  const before = formatHttpDate(modifiedMs - 1000);
  const match = { "if-match": '"abc-2"' };
  const noMatch = { "if-match": '"x"' };

  const rows: readonly (readonly [string, Record<string, string>, 200 | 304 | 412])[] = [
    ["none", {}, 200],
    ["the ETag", match, 200],
    ["the ETag without quotes", { "if-match": "abc-2" }, 200],
    ["the weak ETag", { "if-match": 'W/"abc-2"' }, 200],
    ["the ETag in a list", { "if-match": '"x", "abc-2" ,y' }, 200],
    ["any ETag", { "if-match": "*" }, 200],
    ["another ETag", noMatch, 412],
    ["a part of the ETag", { "if-match": "abc" }, 412],
    ["an empty list", { "if-match": "" }, 412],
    ["not changed since the time itself", { "if-unmodified-since": at }, 200],
    ["not changed since before", { "if-unmodified-since": before }, 412],
    ["the ETag, though changed since", { ...match, "if-unmodified-since": before }, 200],
    ["another ETag, though not changed since", { ...noMatch, "if-unmodified-since": at }, 412],
    ["not the ETag", { "if-none-match": '"abc-2"' }, 304],
    ["not any", { "if-none-match": "*" }, 304],
    ["not another ETag", { "if-none-match": '"x"' }, 200],
    ["changed since the time itself", { "if-modified-since": at }, 304],
    ["changed since before", { "if-modified-since": before }, 200],
    ["not another ETag, though not changed since", { "if-none-match": '"x"', "if-modified-since": at }, 200],
    ["not the ETag, though changed since", { "if-none-match": "abc-2", "if-modified-since": before }, 304],
    ["the ETag, and not the ETag", { ...match, "if-none-match": "abc-2" }, 304],
    ["another ETag, and not the ETag", { ...noMatch, "if-none-match": "abc-2" }, 412],
    ["a date that is none", { "if-modified-since": "yesterday", "if-unmodified-since": "2026-01-01" }, 200],
  ];
  for (const [what, headers, status] of rows) {
    it(`${what}: ${status}`, () => {
      const read = conditions.readConditions(headersOf(headers));
      if (status === 412) refused(() => conditions.checkRead(read, subject), "PRECONDITION_FAILED");
      else expect(conditions.checkRead(read, subject)).to.equal(status === 200 ? "ok" : "not-modified");
      const source = Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [`x-amz-copy-source-${name}`, value]),
      );
      const copy = () =>
        conditions.checkCopySource(
          conditions.readConditions(headersOf(source), "x-amz-copy-source-"),
          subject,
        );
      if (status === 200) copy();
      else refused(copy, "PRECONDITION_FAILED");
    });
  }

  const writes: readonly (readonly [string, Record<string, string>, boolean, S3Failure | undefined])[] = [
    ["none, nothing there", {}, false, undefined],
    ["nothing may be there, and is not", { "if-none-match": "*" }, false, undefined],
    ["nothing may be there, but is", { "if-none-match": "*" }, true, "PRECONDITION_FAILED"],
    ["not this one, but it is", { "if-none-match": '"abc-2"' }, true, "PRECONDITION_FAILED"],
    ["not another one", { "if-none-match": '"x"' }, true, undefined],
    ["this one, and it is", { "if-match": "abc-2" }, true, undefined],
    ["another one", noMatch, true, "PRECONDITION_FAILED"],
    ["one, but nothing is there", match, false, "KEY_NOT_FOUND"],
    ["any, but nothing is there", { "if-match": "*" }, false, "KEY_NOT_FOUND"],
  ];
  for (const [what, headers, exists, failure] of writes) {
    it(`on writing: ${what}`, () => {
      const run = () =>
        conditions.checkWrite(
          conditions.readWriteConditions(headersOf(headers)),
          exists ? subject : undefined,
        );
      if (failure === undefined) run();
      else refused(run, failure);
    });
  }
});

describe("storage/s3 names", () => {
  for (const [name, ok] of [
    ["abc", true],
    ["a-b.c1", true],
    ["1ab", true],
    ["a".repeat(63), true],
    ["1.2.3", true],
    ["256.1.1.1", true],
    ["ab", false],
    ["a".repeat(64), false],
    ["Abc", false],
    ["a_b", false],
    ["-ab", false],
    ["ab-", false],
    [".ab", false],
    ["a..b", false],
    ["a.-b", false],
    ["a-.b", false],
    ["192.168.0.1", false],
    ["a/b", false],
    ["äbc", false],
    ["abc\n", false],
    ["", false],
  ] as const) {
    it(`bucket ${JSON.stringify(name)} is ${ok ? "fit" : "refused"}`, () => {
      expect(isBucketName(name)).to.equal(ok);
    });
  }

  it("takes keys of 1 to 1024 bytes, whatever they are", () => {
    for (const key of ["a", "..", "/", "//", "a/../b", "\0\u0001", "\u{1f600}".repeat(256), " ", "a/"])
      checkKey(key);
    refused(() => checkKey(""), "KEY_INVALID");
    refused(() => checkKey("a\ud800"), "KEY_INVALID");
    const error = refused(() => checkKey(`${"\u{1f600}".repeat(256)}a`), "KEY_TOO_LONG");
    expect(error.members).to.deep.equal({ Size: "1025", MaxSizeAllowed: "1024" });
  });

  for (const [header, source] of [
    ["bucket/key", { bucket: "bucket", key: "key" }],
    ["/bucket/key", { bucket: "bucket", key: "key" }],
    ["bucket/a/b%2Fc%20d%2Be+f", { bucket: "bucket", key: "a/b/c d+e+f" }],
    ["bucket//a", { bucket: "bucket", key: "/a" }],
    ["bucket/a?versionId=null", { bucket: "bucket", key: "a", versionId: "null" }],
    ["bucket/a%3FversionId=x", { bucket: "bucket", key: "a?versionId=x" }],
    ["bucket/a?b?versionId=x", { bucket: "bucket", key: "a?b", versionId: "x" }],
    ["bucket/a?versionId=", { bucket: "bucket", key: "a" }],
    ["bucket/\u00c3\u00bc", { bucket: "bucket", key: "ü" }],
  ] as const) {
    it(`reads the copy source ${header}`, () => {
      expect(parseCopySource(header)).to.deep.equal(source);
    });
  }

  it("reads a copy source that was encoded as a whole, and no bucket with a slash", () => {
    expect(parseCopySource("bucket%2Fa%2fb%2Bc")).to.deep.equal({ bucket: "bucket", key: "a/b+c" });
    expect(parseCopySource("bucket%2Fa%3FversionId=x?versionId=null")).to.deep.equal({
      ...{ bucket: "bucket", key: "a?versionId=x", versionId: "null" },
    });
    refused(() => parseCopySource("bucket%2Fa/b"), "BUCKET_NAME_INVALID");
    refused(() => parseCopySource("bucket%2F"), "COPY_SOURCE_INVALID");
  });

  it("refuses copy sources without bucket or key", () => {
    for (const bad of ["", "/", "bucket", "bucket/", "/bucket/", "//key", "bucket/%zz", "bucket/%ff"]) {
      refused(() => parseCopySource(bad), "COPY_SOURCE_INVALID");
    }
    refused(() => parseCopySource("B_x/key"), "BUCKET_NAME_INVALID");
    refused(() => parseCopySource(`bucket/${"k".repeat(1025)}`), "KEY_TOO_LONG");
  });
});

describe("storage/s3 dates", () => {
  const time = Date.UTC(1994, 10, 6, 8, 49, 37);
  for (const text of [
    "Sun, 06 Nov 1994 08:49:37 GMT",
    "Sunday, 06-Nov-94 08:49:37 GMT",
    "Sun Nov  6 08:49:37 1994",
  ]) {
    it(`reads ${text}`, () => {
      expect(parseHttpDate(text)).to.equal(time);
    });
  }
  for (const text of [
    "",
    "0",
    "1994-11-06T08:49:37Z",
    "Sun, 31 Feb 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 24:00:00 GMT",
    "Sun, 06 Nov 1994 08:60:00 GMT",
    "Sun, 06 nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 08:49:37 CET",
    "Sun, 06 Nov 1994 08:49:37 GMT ",
  ]) {
    it(`passes over '${text}'`, () => {
      expect(parseHttpDate(text)).to.equal(undefined);
    });
  }
  it("writes what it reads", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4_000_000_000 }), (seconds) => {
        expect(parseHttpDate(formatHttpDate(seconds * 1000 + 999))).to.equal(seconds * 1000);
      }),
    );
  });
});

describe("storage/s3 rights", () => {
  const all: Rights = { canWrite: true };
  const reader: Rights = { canWrite: false };
  const limited: Rights = {
    canWrite: true,
    scopes: [
      { bucket: "b", prefix: "p/" },
      { bucket: "own", prefix: "" },
    ],
  };
  const nobody: Rights = { canWrite: true, scopes: [] };

  it("lets read and write what is in scope, and nothing else", () => {
    expect(allowsObject(all, "write", "b", "k")).to.equal(true);
    expect(allowsObject(reader, "read", "b", "k")).to.equal(true);
    expect(allowsObject(reader, "write", "b", "k")).to.equal(false);
    expect(allowsObject(limited, "write", "b", "p/k")).to.equal(true);
    expect(allowsObject(limited, "read", "b", "p")).to.equal(false);
    expect(allowsObject(limited, "read", "b", "q/k")).to.equal(false);
    expect(allowsObject(limited, "read", "c", "p/k")).to.equal(false);
    expect(allowsObject(limited, "write", "own", "k")).to.equal(true);
    expect(allowsObject(nobody, "read", "b", "k")).to.equal(false);
  });

  it("lets list only prefixes that show nothing of others", () => {
    expect(allowsListing(reader, "b", "")).to.equal(true);
    expect(allowsListing(limited, "b", "")).to.equal(false);
    expect(allowsListing(limited, "b", "p")).to.equal(false);
    expect(allowsListing(limited, "b", "p/")).to.equal(true);
    expect(allowsListing(limited, "b", "p/x")).to.equal(true);
  });

  it("lets change a bucket only who has all of it", () => {
    expect(allowsBucket(limited, "read", "b")).to.equal(true);
    expect(allowsBucket(limited, "write", "b")).to.equal(false);
    expect(allowsBucket(limited, "write", "own")).to.equal(true);
    expect(allowsBucket(reader, "write", "b")).to.equal(false);
    expect(allowsBucket(all, "write", "b")).to.equal(true);
    expect(allowsBucket(nobody, "read", "b")).to.equal(false);
  });
});

describe("storage/s3 stored headers", () => {
  it("keeps what is given back, names in lower case, and a type in any case", () => {
    const stored = readStoredHeaders(
      headersOf({
        "Content-Type": "text/plain",
        "Cache-Control": "no-store",
        "X-Amz-Meta-Mtime": "1.5",
        "x-amz-meta-Name": "\u00c3\u00bc",
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
        "x-amz-tagging": "a=1&b=%3C+%2B",
        "x-amz-acl": "private",
        "user-agent": "x",
      }),
    );
    expect(stored).to.deep.equal({
      headers: {
        "content-type": "text/plain",
        "cache-control": "no-store",
        "x-amz-meta-mtime": "1.5",
        "x-amz-meta-name": "\u00c3\u00bc",
      },
      storageClass: "REDUCED_REDUNDANCY",
      tags: [
        { key: "a", value: "1" },
        { key: "b", value: "< +" },
      ],
    });
    expect(readStoredHeaders(headersOf({ "x-amz-storage-class": "STANDARD" }))).to.deep.equal({
      headers: { "content-type": "binary/octet-stream" },
      tags: [],
    });
  });

  for (const [sent, kept] of [
    ["aws-chunked", undefined],
    ["aws-chunked,gzip", "gzip"],
    ["gzip, AWS-Chunked , br", "gzip, br"],
    ["gzip", "gzip"],
    ["", undefined],
  ] as const) {
    it(`keeps of the encoding '${sent}' ${kept ?? "nothing"}`, () => {
      expect(readStoredHeaders(headersOf({ "content-encoding": sent })).headers["content-encoding"]).to.equal(
        kept,
      );
    });
  }

  const refusals: readonly (readonly [Record<string, string>, S3Failure])[] = [
    [{ "x-amz-meta-a": "v".repeat(2048) }, "METADATA_TOO_LARGE"],
    [{ "x-amz-meta-": "v" }, "METADATA_INVALID"],
    [{ "X-Amz-Meta-X-Minio-Internal-Server-Side-Encryption-Iv": "v" }, "METADATA_INVALID"],
    [{ "x-amz-storage-class": "GLACIER" }, "STORAGE_CLASS_INVALID"],
    [{ "x-amz-storage-class": "" }, "STORAGE_CLASS_INVALID"],
    [{ "x-amz-tagging": "a=1&a=2" }, "TAG_INVALID"],
    [{ "x-amz-tagging": "=1" }, "TAG_INVALID"],
    [{ "x-amz-tagging": `a=${"v".repeat(257)}` }, "TAG_INVALID"],
    [{ "x-amz-acl": "public-read" }, "NOT_IMPLEMENTED"],
    [{ "x-amz-grant-read": "id=1" }, "NOT_IMPLEMENTED"],
    [{ "x-amz-website-redirect-location": "/" }, "NOT_IMPLEMENTED"],
    [{ "x-amz-object-lock-mode": "COMPLIANCE" }, "LOCK_UNSUPPORTED"],
  ];
  for (const [headers, failure] of refusals) {
    it(`refuses ${Object.keys(headers)[0]} as ${failure}`, () => {
      refused(() => readStoredHeaders(headersOf(headers)), failure);
    });
  }

  it("takes metadata up to its limit", () => {
    readStoredHeaders(headersOf({ "x-amz-meta-a": "v".repeat(2047) }));
  });

  it("joins headers of one name, and never takes a name of objects for one", () => {
    const headers = new RequestHeaders(["X-A", "1", "x-a", "2", "__proto__", "3"]);
    expect(headers.get("x-a")).to.equal("1,2");
    expect(headers.get("__proto__")).to.equal("3");
    expect(headers.has("constructor")).to.equal(false);
    expect(headers.names()).to.deep.equal(["x-a", "__proto__"]);
  });

  it("overrides headers of answers, but never splits them", () => {
    const query = queryOf(
      "response-content-type=text%2Fplain&response-expires=&response-content-disposition=a%3B%20%C3%BC",
    );
    expect(responseOverrides(query)).to.deep.equal({
      "content-type": "text/plain",
      "content-disposition": "a; \u00c3\u00bc",
    });
    for (const bad of ["a%0d%0aSet-Cookie:b", "%00", "%7f"]) {
      refused(() => responseOverrides(queryOf(`response-cache-control=${bad}`)), "OVERRIDE_INVALID");
    }
  });

  it("reads directives", () => {
    const name = "x-amz-metadata-directive";
    expect(readDirective(headersOf({}), name)).to.equal("COPY");
    expect(readDirective(headersOf({ [name]: "REPLACE" }), name)).to.equal("REPLACE");
    refused(() => readDirective(headersOf({ [name]: "replace" }), name), "DIRECTIVE_INVALID");
  });
});
