/** Requests that other people's code signs, held against our verifier. */
import { createHash } from "node:crypto";
import { Sha256 } from "@aws-sdk/checksums/sha";
import { SignatureV4 } from "@smithy/signature-v4";
import aws4 from "aws4";
import { expect } from "chai";
import fc from "fast-check";
import { percentEncode } from "../../../../../src/storage/s3/percent.js";
import { verifyRequest } from "../../../../../src/storage/s3/signature/verify.js";
import { ACCESS_KEY, credentials, refused, refusedLater, SECRET, signedRequest } from "../support.js";

const NOW_MS = Date.UTC(2026, 10, 21, 12, 0, 0);
const HOST = "localhost:9000";
const signer = new SignatureV4({
  credentials: { accessKeyId: ACCESS_KEY, secretAccessKey: SECRET },
  region: "eu-central-1",
  service: "s3",
  sha256: Sha256,
  uriEscapePath: false,
});

type Fields = Readonly<Record<string, string>>;

interface Plain {
  readonly method: string;
  readonly key: string;
  readonly query: Fields;
  readonly headers: Fields;
  readonly body: string;
}

/** A request in the form that is sent: target and headers. */
interface Sent {
  readonly target: string;
  readonly headers: readonly (readonly [string, string])[];
}

const verify = (method: string, { target, headers }: Sent, nowMs = NOW_MS) =>
  verifyRequest(signedRequest(method, target, headers), { credentials, nowMs });

/** The path as clients of S3 encode it. */
const pathOf = (key: string): string => `/bucket/${percentEncode(key, true)}`;
const queryText = (query: Fields): string =>
  Object.entries(query)
    .map(([name, value]) => `${percentEncode(name, false)}=${percentEncode(value, false)}`)
    .join("&");
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

async function signWithSmithy({ method, key, query, headers, body }: Plain): Promise<Sent> {
  const path = pathOf(key);
  const request = { method, protocol: "http:", hostname: "localhost", port: 9000, path, query: { ...query } };
  const signed = await signer.sign(
    { ...request, headers: { host: HOST, "x-amz-content-sha256": sha256(body), ...headers }, body },
    { signingDate: new Date(NOW_MS) },
  );
  return { target: `${path}?${queryText(query)}`, headers: Object.entries(signed.headers) };
}

function signWithAws4({ method, key, query, headers, body }: Plain): Sent {
  const target = `${pathOf(key)}?${queryText(query)}`;
  const request = {
    method,
    service: "s3",
    region: "eu-central-1",
    path: target,
    body,
    headers: {
      Host: HOST,
      "X-Amz-Date": "20261121T120000Z",
      "X-Amz-Content-Sha256": sha256(body),
      ...headers,
    },
  };
  const signed = aws4.sign(request, { accessKeyId: ACCESS_KEY, secretAccessKey: SECRET });
  const pairs = Object.entries(signed.headers ?? {}).map(([name, value]): [string, string] => [
    name,
    String(value),
  ]);
  return { target, headers: pairs };
}

const key = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 20 })
  .filter((text) => Buffer.byteLength(text) <= 200 && !/\p{Surrogate}/u.test(text));
const value = fc.string({ unit: fc.constantFrom(..."abc 019/+~!'()*=&%?:;,\"<>"), maxLength: 12 });
const request: fc.Arbitrary<Plain> = fc.record({
  method: fc.constantFrom("GET", "PUT", "POST", "DELETE", "HEAD"),
  key,
  query: fc.dictionary(fc.constantFrom("prefix", "versionId", "response-expires", "z", "A b"), value),
  headers: fc.dictionary(
    fc.constantFrom("x-amz-meta-a", "x-amz-meta-b", "content-type", "x-amz-acl"),
    value.map((text) => text.trim()),
  ),
  body: fc.constantFrom("", "hello"),
});

describe("storage/s3 signatures that others make", () => {
  it("accepts what @smithy/signature-v4 signs", async () => {
    await fc.assert(
      fc.asyncProperty(request, async (plain) => {
        expect(verify(plain.method, await signWithSmithy(plain)).credential.accessKey).to.equal(ACCESS_KEY);
      }),
      { numRuns: 150 },
    );
  });

  it("accepts what aws4 signs", () => {
    // aws4 normalises paths even for S3 where they hold `.` and `..` between slashes, which S3 does not.
    // And it adds a type of its own where the one given is empty.
    const normal = request.filter(
      (plain) => !/(^|\/)\.{0,2}(\/|$)/.test(plain.key) && plain.headers["content-type"] !== "",
    );
    fc.assert(
      fc.property(normal, (plain) => {
        expect(verify(plain.method, signWithAws4(plain)).credential.accessKey).to.equal(ACCESS_KEY);
      }),
      { numRuns: 150 },
    );
  });

  it("refuses every part of them changed", async () => {
    const base: Plain = {
      method: "PUT",
      key: "a b/c+d",
      query: { versionId: "1" },
      headers: { "x-amz-meta-a": "v" },
      body: "hello",
    };
    for (const sent of [await signWithSmithy(base), signWithAws4(base)]) {
      verify("PUT", sent);
      refused(() => verify("POST", sent), "SIGNATURE_MISMATCH");
      for (const [from, to] of [
        ["a%20b", "a%20c"],
        ["c%2Bd", "c%20d"],
        ["versionId=1", "versionId=2"],
        ["versionId=1", "versionid=1"],
        ["?", "?x=&"],
      ] as const) {
        refused(
          () => verify("PUT", { ...sent, target: sent.target.replace(from, to) }),
          "SIGNATURE_MISMATCH",
        );
      }
      for (const [name] of sent.headers) {
        const changed = sent.headers.map(([other, text]): [string, string] => [
          other,
          other === name
            ? text.replace(/[0-9a-z](?=[^0-9a-z]*$)/i, (end) => (end === "1" ? "2" : "1"))
            : text,
        ]);
        const failure = () => verify("PUT", { ...sent, headers: changed });
        const isSigned = sent.headers.some(
          ([other, text]) => other.toLowerCase() === "authorization" && text.includes(name.toLowerCase()),
        );
        if (isSigned || name.toLowerCase() === "authorization") {
          refused(failure, "SIGNATURE_MISMATCH", "DATE_MISSING", "AUTHORIZATION_MALFORMED", "TIME_SKEWED");
        }
      }
    }
  });

  describe("presigned", () => {
    async function presign(headers: Fields, unhoistable: readonly string[] = []): Promise<Sent> {
      const signed = await signer.presign(
        {
          method: "PUT",
          protocol: "http:",
          hostname: "localhost",
          port: 9000,
          path: pathOf("a b/ü"),
          query: { "x-id": "PutObject" },
          headers: { host: HOST, "X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD", ...headers },
        },
        { signingDate: new Date(NOW_MS), expiresIn: 3600, unhoistableHeaders: new Set(unhoistable) },
      );
      const query = Object.entries(signed.query ?? {}).map(([name, text]) => [name, String(text)]);
      return { target: `${signed.path}?${queryText(Object.fromEntries(query))}`, headers: [["host", HOST]] };
    }

    it("is accepted, and says that the body is not signed", async () => {
      const sent = await presign({});
      expect(verify("PUT", sent)).to.deep.include({ form: "query", payload: { kind: "unsigned" } });
      refused(() => verify("PUT", sent, NOW_MS + 3601 * 1000), "URL_EXPIRED");
      refused(() => verify("GET", sent), "SIGNATURE_MISMATCH");
    });

    it("needs the headers that were signed, as they were", async () => {
      const name = "x-amz-server-side-encryption";
      const sent = await presign({ [name]: "AES256" }, [name]);
      const withHeader = (value: string): Sent => ({ ...sent, headers: [...sent.headers, [name, value]] });
      verify("PUT", withHeader("AES256"));
      refused(() => verify("PUT", sent), "SIGNED_HEADER_ABSENT");
      refused(() => verify("PUT", withHeader("aws:kms")), "SIGNATURE_MISMATCH");
    });

    it("is refused with a header added that was not signed", async () => {
      const sent = await presign({});
      const added: Sent = { ...sent, headers: [...sent.headers, ["x-amz-meta-a", "b"]] };
      await refusedLater(async () => verify("PUT", added), "HEADERS_NOT_SIGNED");
    });
  });
});
