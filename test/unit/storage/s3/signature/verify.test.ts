import { expect } from "chai";
import fc from "fast-check";
import { errorReply } from "../../../../../src/storage/s3/error-reply.js";
import type { S3Failure } from "../../../../../src/storage/s3/errors.js";
import { canonicalQuery, canonicalRequest } from "../../../../../src/storage/s3/signature/canonical.js";
import { SecretCredential } from "../../../../../src/storage/s3/signature/credentials.js";
import { verifyRequest } from "../../../../../src/storage/s3/signature/verify.js";
import {
  ACCESS_KEY,
  credentials,
  EXAMPLE_MS,
  type HeaderPairs,
  refused,
  SECRET,
  type SignatureCase,
  signatureVectors,
  signedRequest,
} from "../support.js";

const { cases } = signatureVectors();
const options = { credentials, nowMs: EXAMPLE_MS };
const MINUTE = 60_000;

const verify = (method: string, target: string, headers: HeaderPairs, nowMs = EXAMPLE_MS) =>
  verifyRequest(signedRequest(method, target, headers), { credentials, nowMs });

function caseOf(id: string): SignatureCase {
  const found = cases.find((candidate) => candidate.id === id);
  if (found === undefined) throw new Error(`no vector '${id}'`);
  return found;
}

const get = caseOf("GET object with range");
const presigned = caseOf("presigned GET");

/** The case with one header changed; null takes it out. */
function withHeader(from: SignatureCase, name: string, value: string | null): HeaderPairs {
  const rest = from.headers.filter(([header]) => header.toLowerCase() !== name);
  return value === null ? rest : [...rest, [name, value]];
}

const authorization = (change: (text: string) => string): HeaderPairs =>
  get.headers.map(([name, value]) => [name, name === "Authorization" ? change(value) : value]);

describe("storage/s3 signature", () => {
  it("derives the signing key of the examples", () => {
    const key = new SecretCredential(ACCESS_KEY, SECRET, { canWrite: true }).signingKey(
      "20130524",
      "us-east-1",
    );
    expect(key.toString("hex")).to.equal("dbb893acc010964918f1fd433add87c70e8b0db6be30c1fbeafefa5ec6ba8378");
    const one = new SecretCredential(ACCESS_KEY, SECRET, { canWrite: true });
    const keys = [
      ["20130524", "us-east-1"],
      ["20130525", "us-east-1"],
      ["20130524", "eu-1"],
      ["20130524", "us-east-1"],
    ];
    const hex = keys.map(([date = "", region = ""]) => one.signingKey(date, region).toString("hex"));
    expect(hex[3]).to.equal(hex[0]);
    expect(new Set(hex).size).to.equal(3);
  });

  for (const vector of cases) {
    describe(vector.id, () => {
      it("is accepted", () => {
        const verified = verify(vector.method, vector.target, vector.headers);
        expect(verified.credential.accessKey).to.equal(ACCESS_KEY);
        expect(verified.chain.seed).to.equal(vector.signature);
      });

      it("is refused with another method", () => {
        refused(() => verify("DELETE", vector.target, vector.headers), "SIGNATURE_MISMATCH");
      });

      it("is refused with another path", () => {
        refused(() => verify(vector.method, `/x${vector.target}`, vector.headers), "SIGNATURE_MISMATCH");
      });

      it("is refused with another query", () => {
        const target = `${vector.target}${vector.target.includes("?") ? "&" : "?"}acl`;
        refused(() => verify(vector.method, target, vector.headers), "SIGNATURE_MISMATCH");
      });

      it("is refused with any signed header changed or missing", () => {
        const list =
          /SignedHeaders=([^,&]+)/.exec(JSON.stringify([vector.headers, vector.target]))?.[1] ?? "";
        for (const name of list.split(";")) {
          const before = vector.headers.find(([header]) => header.toLowerCase() === name)?.[1] ?? "";
          refused(
            () => verify(vector.method, vector.target, withHeader(vector, name, `${before}1`)),
            "SIGNATURE_MISMATCH",
            "DATE_MISSING",
            "CONTENT_SHA256_INVALID",
          );
          refused(
            () => verify(vector.method, vector.target, withHeader(vector, name, null)),
            "SIGNED_HEADER_ABSENT",
            "SIGNATURE_MISMATCH",
            "CONTENT_SHA256_MISSING",
            "DATE_MISSING",
          );
        }
      });

      it("is refused with a digit of the signature changed", () => {
        const wrong = vector.signature.replace(/.$/, (digit) => (digit === "0" ? "1" : "0"));
        const target = vector.target.replace(vector.signature, wrong);
        const headers = vector.headers.map(([n, v]): [string, string] => [
          n,
          v.replace(vector.signature, wrong),
        ]);
        refused(() => verify(vector.method, target, headers), "SIGNATURE_MISMATCH");
      });

      it("is refused with an x-amz- header that was not signed", () => {
        const headers = withHeader(vector, "x-amz-copy-source", "other/object");
        const error = refused(() => verify(vector.method, vector.target, headers), "HEADERS_NOT_SIGNED");
        expect(error.members.HeadersNotSigned).to.equal("x-amz-copy-source");
      });

      it("is refused for a wrong secret", () => {
        const other = { find: (key: string) => new SecretCredential(key, `${SECRET}x`, { canWrite: true }) };
        const request = signedRequest(vector.method, vector.target, vector.headers);
        refused(
          () => verifyRequest(request, { credentials: other, nowMs: EXAMPLE_MS }),
          "SIGNATURE_MISMATCH",
        );
      });
    });
  }

  describe("header form", () => {
    const rows: readonly (readonly [string, HeaderPairs, S3Failure])[] = [
      ["no signature at all", [["Host", "h"]], "ANONYMOUS"],
      ["an empty header", withHeader(get, "authorization", ""), "AUTHORIZATION_TYPE_UNKNOWN"],
      [
        "version 2",
        withHeader(get, "authorization", `AWS ${ACCESS_KEY}:abc=`),
        "SIGNATURE_VERSION_UNSUPPORTED",
      ],
      [
        "version 4a",
        authorization((text) => text.replace("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256")),
        "SIGNATURE_VERSION_UNSUPPORTED",
      ],
      ["a bearer token", withHeader(get, "authorization", "Bearer abc"), "AUTHORIZATION_TYPE_UNKNOWN"],
      ["the scheme alone", withHeader(get, "authorization", "AWS4-HMAC-SHA256"), "AUTHORIZATION_MALFORMED"],
      [
        "no signature field",
        authorization((text) => text.replace(/,Signature=.*/, "")),
        "AUTHORIZATION_MALFORMED",
      ],
      ["a field twice", authorization((text) => `${text},Signature=00`), "AUTHORIZATION_MALFORMED"],
      ["a field too many", authorization((text) => `${text},More=00`), "AUTHORIZATION_MALFORMED"],
      ["the header twice", [...get.headers, ["authorization", "x"]], "AUTHORIZATION_MALFORMED"],
      ["a short scope", authorization((text) => text.replace("/us-east-1", "")), "AUTHORIZATION_MALFORMED"],
      ["another service", authorization((text) => text.replace("/s3/", "/sts/")), "AUTHORIZATION_MALFORMED"],
      [
        "another end of scope",
        authorization((text) => text.replace("aws4_request", "x")),
        "AUTHORIZATION_MALFORMED",
      ],
      [
        "another day",
        authorization((text) => text.replace("20130524", "20130523")),
        "AUTHORIZATION_MALFORMED",
      ],
      ["no access key", authorization((text) => text.replace(ACCESS_KEY, "")), "AUTHORIZATION_MALFORMED"],
      [
        "an unknown access key",
        authorization((text) => text.replace(ACCESS_KEY, "AKIAOTHER")),
        "ACCESS_KEY_UNKNOWN",
      ],
      [
        "another region",
        authorization((text) => text.replace("us-east-1", "eu-west-1")),
        "SIGNATURE_MISMATCH",
      ],
      ["host not signed", authorization((text) => text.replace("host;", "")), "HEADERS_NOT_SIGNED"],
      [
        "a header of the list left out",
        authorization((text) => text.replace(";x-amz-date", "")),
        "SIGNATURE_MISMATCH",
      ],
      [
        "a header twice in the list",
        authorization((text) => text.replace("host;", "host;host;")),
        "AUTHORIZATION_MALFORMED",
      ],
      [
        "upper-case signature",
        authorization((text) =>
          text.replace(/Signature=.*/, (found) => `Signature=${found.slice(10).toUpperCase()}`),
        ),
        "SIGNATURE_MISMATCH",
      ],
      [
        "an empty signature",
        authorization((text) => text.replace(/Signature=.*/, "Signature=")),
        "SIGNATURE_MISMATCH",
      ],
      ["a session token", [...get.headers, ["x-amz-security-token", "abc"]], "TOKEN_INVALID"],
      ["no time", withHeader(get, "x-amz-date", null), "DATE_MISSING"],
      ["no such time", withHeader(get, "x-amz-date", "20130231T000000Z"), "DATE_MISSING"],
      [
        "a payload hash of another form",
        withHeader(get, "x-amz-content-sha256", "abc"),
        "CONTENT_SHA256_INVALID",
      ],
      [
        "a body, and nothing said of it",
        [...withHeader(get, "x-amz-content-sha256", null), ["Content-Length", "5"]],
        "CONTENT_SHA256_MISSING",
      ],
    ];
    for (const [what, headers, failure] of rows) {
      it(`refuses ${what}`, () => {
        refused(() => verify(get.method, get.target, headers), failure);
      });
    }

    it("refuses both forms at once", () => {
      refused(() => verify("GET", `${get.target}?X-Amz-Signature=00`, get.headers), "AUTHORIZATION_TWICE");
      refused(
        () => verify("GET", "/test.txt?AWSAccessKeyId=a&Signature=b", get.headers),
        "AUTHORIZATION_TWICE",
      );
    });

    for (const [minutes, ok] of [
      [15, true],
      [-15, true],
      [16, false],
      [-16, false],
    ] as const) {
      it(`${ok ? "accepts" : "refuses"} a clock that is ${minutes} minutes off`, () => {
        const run = () => verify(get.method, get.target, get.headers, EXAMPLE_MS + minutes * MINUTE);
        if (ok) return void run();
        const error = refused(run, "TIME_SKEWED");
        expect(error.members.MaxAllowedSkewMilliseconds).to.equal("900000");
        expect(error.members.RequestTime).to.equal("20130524T000000Z");
      });
    }

    it("accepts white space behind the commas, and an access key with slashes", () => {
      verify(
        get.method,
        get.target,
        authorization((text) => text.replaceAll(",", ", ")),
      );
      const headers = authorization((text) => text.replace(ACCESS_KEY, "team/a/key"));
      expect(verify(get.method, get.target, headers).credential.accessKey).to.equal("team/a/key");
    });

    it("names the region that is right", () => {
      const request = signedRequest(get.method, get.target, get.headers);
      verifyRequest(request, { ...options, region: "us-east-1" });
      const error = refused(
        () => verifyRequest(request, { ...options, region: "eu-central-1" }),
        "REGION_WRONG",
      );
      expect(error.members.Region).to.equal("eu-central-1");
    });

    it("shows what was to be signed, but no key of a client, no context, and not the signature", () => {
      const secrets = [
        "x-amz-copy-source-server-side-encryption-customer-key",
        "x-amz-server-side-encryption-context",
        "x-amz-server-side-encryption-customer-key",
      ];
      const headers: HeaderPairs = [
        ...authorization((text) =>
          text.replace("SignedHeaders=host", `SignedHeaders=host;${secrets.join(";")}`),
        ),
        ...secrets.map((name): [string, string] => [name, "c2VjcmV0"]),
      ];
      const error = refused(() => verify("GET", "/test.txt", headers), "SIGNATURE_MISMATCH");
      const ids = { requestId: "1", hostId: "2", method: "GET", path: "/test.txt" };
      const { body = "" } = errorReply(error, ids);
      expect(body).to.contain("<CanonicalRequest>GET\n/test.txt\n");
      expect(body).to.contain("<StringToSign>AWS4-HMAC-SHA256\n20130524T000000Z\n");
      expect(body).not.to.contain("c2VjcmV0");
    });
  });

  describe("query form", () => {
    const change = (name: string, value: string | null): string =>
      presigned.target.replace(new RegExp(`&?${name}=[^&]*`), value === null ? "" : `&${name}=${value}`);
    const rows: readonly (readonly [string, string, S3Failure])[] = [
      [
        "no algorithm",
        presigned.target.replace(/X-Amz-Algorithm=[^&]*&/, ""),
        "AUTHORIZATION_QUERY_MALFORMED",
      ],
      [
        "another algorithm",
        presigned.target.replace("AWS4-HMAC-SHA256", "AWS4-HMAC-MD5"),
        "SIGNATURE_VERSION_UNSUPPORTED",
      ],
      ["no credential", change("X-Amz-Credential", null), "AUTHORIZATION_QUERY_MALFORMED"],
      ["a bad credential", change("X-Amz-Credential", "abc"), "AUTHORIZATION_QUERY_MALFORMED"],
      ["no date", change("X-Amz-Date", null), "AUTHORIZATION_QUERY_MALFORMED"],
      ["a bad date", change("X-Amz-Date", "2013"), "AUTHORIZATION_QUERY_MALFORMED"],
      ["another day", change("X-Amz-Date", "20130525T000000Z"), "AUTHORIZATION_QUERY_MALFORMED"],
      ["no time limit", change("X-Amz-Expires", null), "AUTHORIZATION_QUERY_MALFORMED"],
      ["a limit that is no number", change("X-Amz-Expires", "1e3"), "AUTHORIZATION_QUERY_MALFORMED"],
      ["a negative limit", change("X-Amz-Expires", "-1"), "AUTHORIZATION_QUERY_MALFORMED"],
      ["more than a week", change("X-Amz-Expires", "604801"), "AUTHORIZATION_QUERY_MALFORMED"],
      ["a longer limit than was signed", change("X-Amz-Expires", "86401"), "SIGNATURE_MISMATCH"],
      ["no list of headers", change("X-Amz-SignedHeaders", null), "AUTHORIZATION_QUERY_MALFORMED"],
      ["host not signed", change("X-Amz-SignedHeaders", "date"), "HEADERS_NOT_SIGNED"],
      ["no signature", change("X-Amz-Signature", null), "AUTHORIZATION_QUERY_MALFORMED"],
      ["a short signature", change("X-Amz-Signature", "ab"), "SIGNATURE_MISMATCH"],
      ["a token", `${presigned.target}&X-Amz-Security-Token=abc`, "TOKEN_INVALID"],
      [
        "an override that was not signed",
        `${presigned.target}&response-content-type=text/html`,
        "SIGNATURE_MISMATCH",
      ],
      ["version 2", "/test.txt?AWSAccessKeyId=a&Expires=1&Signature=b", "SIGNATURE_VERSION_UNSUPPORTED"],
      ["a parameter in another case as well", `${presigned.target}&x-amz-expires=1`, "PARAMETER_REPEATED"],
    ];
    for (const [what, target, failure] of rows) {
      it(`refuses ${what}`, () => {
        refused(() => verify("GET", target, presigned.headers), failure);
      });
    }

    it("is good until its time is over, and from a quarter of an hour before it begins", () => {
      const at = (seconds: number) => () =>
        verify("GET", presigned.target, presigned.headers, EXAMPLE_MS + seconds * 1000);
      at(86_400)();
      at(-900)();
      const error = refused(at(86_401), "URL_EXPIRED");
      expect(error.members["X-Amz-Expires"]).to.equal("86400");
      refused(at(-901), "URL_NOT_YET_VALID");
    });

    it("refuses two payload hashes that differ", () => {
      const target = `${presigned.target}&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD`;
      const headers: HeaderPairs = [
        ...presigned.headers,
        ["x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"],
      ];
      refused(() => verify("PUT", target, headers), "CONTENT_SHA256_INVALID");
    });
  });

  describe("canonical request", () => {
    it("encodes the decoded path once and normalises nothing", () => {
      const text = canonicalRequest({
        method: "GET",
        path: "/b//a/../ü +%2F~",
        query: [],
        signedHeaders: ["host"],
        headers: signedRequest("GET", "/", [["Host", "h"]]).headers,
        payloadHash: "x",
      });
      expect(text).to.equal("GET\n/b//a/../%C3%BC%20%2B%252F~\n\nhost:h\n\nhost\nx");
    });

    it("sorts by name, then value, once they are encoded", () => {
      const pairs = [
        ["b", "2"],
        ["a", "z"],
        ["a", "Z"],
        ["a/", ""],
        ["A", "1"],
        ["ü", " +"],
        ["X-Amz-Signature", "gone"],
      ] as const;
      expect(canonicalQuery(pairs)).to.equal("%C3%BC=%20%2B&A=1&a=Z&a=z&a%2F=&b=2");
    });

    it("joins several headers of one name, trims, and makes one space of many", () => {
      const { headers } = signedRequest("GET", "/", [
        ["Host", "h"],
        ["X-Amz-Meta-A", "  x   y\t z "],
        ["x-amz-meta-a", "2"],
      ]);
      const text = canonicalRequest({
        method: "GET",
        path: "/",
        query: [],
        signedHeaders: ["host", "x-amz-meta-a"],
        headers,
        payloadHash: "-",
      });
      expect(text).to.contain("\nx-amz-meta-a:x y z ,2\n");
    });

    it("supplies what proxies take out", () => {
      const { headers } = signedRequest("PUT", "/", [["Host", "h"]]);
      const parts = { method: "PUT", path: "/", query: [], headers, payloadHash: "-" };
      const signedHeaders = ["content-length", "expect", "host"];
      expect(canonicalRequest({ ...parts, signedHeaders })).to.contain(
        "\ncontent-length:0\nexpect:100-continue\n",
      );
      refused(
        () => canonicalRequest({ ...parts, signedHeaders: ["cookie", "host"] }),
        "SIGNED_HEADER_ABSENT",
      );
    });

    it("never throws anything but an S3Error, whatever the header holds", () => {
      fc.assert(
        fc.property(
          fc.string({ unit: "binary", maxLength: 80 }),
          fc.string({ maxLength: 20 }),
          (header, date) => {
            const latin = (text: string) => Buffer.from(text, "utf8").toString("latin1");
            const headers: HeaderPairs = [
              ["Host", "h"],
              ["Authorization", `AWS4-HMAC-SHA256 ${latin(header)}`],
              ["x-amz-date", latin(date)],
            ];
            const error = refused(
              () => verify("GET", "/", headers),
              "AUTHORIZATION_MALFORMED",
              "DATE_MISSING",
              "HEADERS_NOT_SIGNED",
            );
            expect(error.status).to.be.within(400, 403);
          },
        ),
        { numRuns: 300 },
      );
    });
  });
});
