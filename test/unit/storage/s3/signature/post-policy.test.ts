import { createHmac } from "node:crypto";
import { expect } from "chai";
import type { S3Failure } from "../../../../../src/storage/s3/errors.js";
import { SecretCredential } from "../../../../../src/storage/s3/signature/credentials.js";
import { verifyForm } from "../../../../../src/storage/s3/signature/post-policy.js";
import { ACCESS_KEY, credentials, refused, SECRET, signatureVectors } from "../support.js";

const { form } = signatureVectors();
const options = { credentials, nowMs: form.nowMs };
const fields = (change: Readonly<Record<string, string | undefined>> = {}): Map<string, string> => {
  const all = { ...form.fields, ...change };
  return new Map(
    Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
  );
};

/** A form whose policy says this, signed as the reference has it. */
function signed(policy: unknown, more: Readonly<Record<string, string>> = {}): Map<string, string> {
  const text = Buffer.from(typeof policy === "string" ? policy : JSON.stringify(policy)).toString("base64");
  const key = new SecretCredential(ACCESS_KEY, SECRET, { canWrite: true }).signingKey(
    "20151229",
    "us-east-1",
  );
  return new Map(
    Object.entries({
      "x-amz-algorithm": "AWS4-HMAC-SHA256",
      "x-amz-credential": `${ACCESS_KEY}/20151229/us-east-1/s3/aws4_request`,
      "x-amz-date": "20151229T000000Z",
      policy: text,
      "x-amz-signature": createHmac("sha256", key).update(text).digest("hex"),
      ...more,
    }),
  );
}

const expiration = "2015-12-30T12:00:00.000Z";
const usual = [
  ["starts-with", "$x-amz-algorithm", ""],
  ["starts-with", "$x-amz-credential", ""],
  ["starts-with", "$x-amz-date", ""],
];
const policy = (...conditions: readonly unknown[]) => ({ expiration, conditions: [...usual, ...conditions] });

describe("storage/s3 upload forms", () => {
  it("accepts the published example", () => {
    const verified = verifyForm(fields(), form.bucket, options);
    expect(verified.credential.accessKey).to.equal(ACCESS_KEY);
    expect(verified).to.include({ minBytes: 0, maxBytes: Number.MAX_SAFE_INTEGER });
  });

  it("has none of the example's fields changed, left out or added", () => {
    // Any value will do for this one.
    const free = new Set(["x-amz-meta-tag"]);
    for (const name of Object.keys(form.fields)) {
      const isFree = free.has(name);
      for (const value of ["other", undefined]) {
        const run = () => verifyForm(fields({ [name]: value }), form.bucket, options);
        if (isFree) run();
        else expect(run, `${name} = ${value}`).to.throw();
      }
    }
    refused(
      () => verifyForm(fields({ "x-amz-storage-class": "STANDARD" }), form.bucket, options),
      "POLICY_FIELD_UNCOVERED",
    );
    verifyForm(fields({ "x-ignore-me": "1" }), form.bucket, options);
  });

  const rows: readonly (readonly [string, Readonly<Record<string, string | undefined>>, S3Failure])[] = [
    ["another key", { key: "user/user2/a" }, "POLICY_CONDITION_FAILED"],
    ["another type", { "content-type": "text/html" }, "POLICY_CONDITION_FAILED"],
    ["no policy", { policy: undefined }, "ANONYMOUS"],
    ["another policy", { policy: form.fields.policy?.replace("eyA", "eyB") }, "SIGNATURE_MISMATCH"],
    ["another signature", { "x-amz-signature": "0".repeat(64) }, "SIGNATURE_MISMATCH"],
    ["no signature", { "x-amz-signature": undefined }, "FORM_FIELD_MISSING"],
    ["another algorithm", { "x-amz-algorithm": "AWS4-HMAC-MD5" }, "SIGNATURE_VERSION_UNSUPPORTED"],
    [
      "an unknown access key",
      { "x-amz-credential": "A/20151229/us-east-1/s3/aws4_request" },
      "ACCESS_KEY_UNKNOWN",
    ],
    ["a bad credential", { "x-amz-credential": "A" }, "AUTHORIZATION_QUERY_MALFORMED"],
    ["another day", { "x-amz-date": "20151230T000000Z" }, "FORM_FIELD_INVALID"],
    ["version 2", { awsaccesskeyid: ACCESS_KEY, signature: "x" }, "SIGNATURE_VERSION_UNSUPPORTED"],
    ["a session token", { "x-amz-security-token": "x" }, "TOKEN_INVALID"],
  ];
  for (const [what, change, failure] of rows) {
    it(`refuses ${what}`, () => {
      refused(() => verifyForm(fields(change), form.bucket, options), failure);
    });
  }

  it("refuses another bucket, whatever a field says", () => {
    refused(() => verifyForm(fields(), "other", options), "POLICY_CONDITION_FAILED");
    const spoofed = signed(policy({ bucket: "mine" }), { bucket: "mine" });
    refused(() => verifyForm(spoofed, "other", options), "POLICY_CONDITION_FAILED");
    verifyForm(spoofed, "mine", options);
  });

  it("refuses after its time, and another region than the one configured", () => {
    const end = Date.parse(expiration);
    verifyForm(fields(), form.bucket, { ...options, nowMs: end });
    refused(() => verifyForm(fields(), form.bucket, { ...options, nowMs: end + 1 }), "POLICY_EXPIRED");
    const error = refused(
      () => verifyForm(fields(), form.bucket, { ...options, region: "eu-1" }),
      "REGION_QUERY_WRONG",
    );
    expect(error.members.Region).to.equal("eu-1");
  });

  it("tells how large the file may be", () => {
    const ranges = policy(["content-length-range", 1, "100"], ["content-length-range", 5, 200]);
    expect(verifyForm(signed(ranges), "b", options)).to.include({ minBytes: 5, maxBytes: 100 });
  });

  it("compares exactly, or the beginning", () => {
    const run = (condition: unknown, key: string) => () =>
      verifyForm(signed(policy(condition), { key }), "b", options);
    run(["eq", "$key", "a"], "a")();
    run(["EQ", "$Key", "a"], "a")();
    run({ Key: "a" }, "a")();
    run(["starts-with", "$key", ""], "anything")();
    refused(run(["eq", "$key", "a"], "ab"), "POLICY_CONDITION_FAILED");
    refused(run({ key: "a" }, "A"), "POLICY_CONDITION_FAILED");
    refused(run(["starts-with", "$key", "b"], "ab"), "POLICY_CONDITION_FAILED");
    const absent = () => verifyForm(signed(policy({ "x-amz-meta-a": "1" })), "b", options);
    refused(absent, "POLICY_CONDITION_FAILED");
  });

  const bad: readonly (readonly [string, unknown])[] = [
    ["no JSON", "{"],
    ["a list", []],
    ["null", "null"],
    ["no expiration", { conditions: [] }],
    ["no conditions", { expiration }],
    ["conditions that are no list", { expiration, conditions: {} }],
    ["an expiration that is none", { expiration: "tomorrow", conditions: [] }],
    ["an expiration of another form", { expiration: "Wed, 30 Dec 2015 12:00:00 GMT", conditions: [] }],
    ["an expiration that is a number", { expiration: 1e15, conditions: [] }],
    ["a condition that is text", policy("key")],
    ["a value that is no text", policy({ key: 1 })],
    ["an operator that is not known", policy(["ends-with", "$key", "a"])],
    ["a field without its mark", policy(["eq", "key", "a"])],
    ["too few members", policy(["eq", "$key"])],
    ["too many members", policy(["eq", "$key", "a", "b"])],
    ["a range that is none", policy(["content-length-range", "x", 5])],
    ["a negative range", policy(["content-length-range", -1, 5])],
    ["too many conditions", policy(...Array.from({ length: 101 }, () => ({ key: "a" })))],
  ];
  for (const [what, document] of bad) {
    it(`refuses a policy: ${what}`, () => {
      refused(() => verifyForm(signed(document), "b", options), "POLICY_INVALID");
    });
  }
});
