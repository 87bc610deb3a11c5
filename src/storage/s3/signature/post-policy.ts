/** Forms that upload: who signed them, and what the signer allows (S3 API reference §3.6). */
import { decodeBase64 } from "../../../crypto/base64.js";
import { s3Error } from "../errors.js";
import { decodeUtf8 } from "../percent.js";
import { ALGORITHM, parseDateTime, sameSignature, signatureOf } from "./canonical.js";
import type { Credential } from "./credentials.js";
import { parseCredential } from "./fields.js";
import type { VerifyOptions } from "./verify.js";

/** Fields before the file: lower-case name → value. */
export type FormFields = ReadonlyMap<string, string>;

/** What a form may upload. */
export interface VerifiedForm {
  readonly credential: Credential;
  /** Of the file. Smaller and larger is for the reader to refuse: `ENTITY_TOO_SMALL`, `ENTITY_TOO_LARGE`. */
  readonly minBytes: number;
  readonly maxBytes: number;
}

interface Policy {
  readonly expirationMs: number;
  readonly conditions: readonly Condition[];
}

type Condition =
  | { readonly kind: "eq" | "starts-with"; readonly field: string; readonly value: string }
  | { readonly kind: "length"; readonly min: number; readonly max: number };

/** Fields that need no condition. */
const FREE = new Set(["x-amz-signature", "policy", "file"]);
const MAX_CONDITIONS = 100;

/**
 * Checks signature and policy.
 *
 * @param fields - with the final `key`
 * @param bucket - of the request; what a field `bucket` says does not count
 * @throws S3Error `ANONYMOUS` without policy, `SIGNATURE_VERSION_UNSUPPORTED`, `FORM_FIELD_MISSING`,
 *   `FORM_FIELD_INVALID`, `ACCESS_KEY_UNKNOWN`, `SIGNATURE_MISMATCH`, `TOKEN_INVALID`, `REGION_WRONG`, `POLICY_INVALID`,
 *   `POLICY_EXPIRED`, `POLICY_CONDITION_FAILED`, `POLICY_FIELD_UNCOVERED`
 */
export function verifyForm(fields: FormFields, bucket: string, options: VerifyOptions): VerifiedForm {
  const encoded = fields.get("policy");
  if (encoded === undefined) throw s3Error("ANONYMOUS");
  if (fields.has("awsaccesskeyid") || fields.has("signature")) throw s3Error("SIGNATURE_VERSION_UNSUPPORTED");
  if (fields.get("x-amz-security-token")) throw s3Error("TOKEN_INVALID");
  const credential = verifySigner(fields, encoded, options);
  const policy = parsePolicy(encoded);
  if (policy.expirationMs < options.nowMs) throw s3Error("POLICY_EXPIRED");
  const values = new Map(fields).set("bucket", bucket);
  checkConditions(policy.conditions, values);
  checkCovered(policy.conditions, fields);
  const lengths = policy.conditions.filter((condition) => condition.kind === "length");
  return {
    credential,
    minBytes: Math.max(0, ...lengths.map(({ min }) => min)),
    maxBytes: Math.min(Number.MAX_SAFE_INTEGER, ...lengths.map(({ max }) => max)),
  };
}

function verifySigner(fields: FormFields, policy: string, options: VerifyOptions): Credential {
  if (required(fields, "x-amz-algorithm") !== ALGORITHM) throw s3Error("SIGNATURE_VERSION_UNSUPPORTED");
  const scope = parseCredential(required(fields, "x-amz-credential"), "AUTHORIZATION_QUERY_MALFORMED");
  const dateTime = required(fields, "x-amz-date");
  const isOfDay = parseDateTime(dateTime) !== undefined && dateTime.startsWith(scope.date);
  if (!isOfDay) throw s3Error("FORM_FIELD_INVALID", { members: { ArgumentName: "x-amz-date" } });
  if (options.region !== undefined && scope.region !== options.region) {
    throw s3Error("REGION_QUERY_WRONG", { members: { Region: options.region } });
  }
  const credential = options.credentials.find(scope.accessKey);
  if (credential === undefined) {
    throw s3Error("ACCESS_KEY_UNKNOWN", { members: { AWSAccessKeyId: scope.accessKey } });
  }
  // A field may hold any character; what was signed is its UTF-8.
  const text = Buffer.from(policy, "utf8").toString("latin1");
  const computed = signatureOf(credential.signingKey(scope.date, scope.region), text);
  if (!sameSignature(required(fields, "x-amz-signature"), computed)) {
    throw s3Error("SIGNATURE_MISMATCH", { members: { AWSAccessKeyId: scope.accessKey } });
  }
  return credential;
}

function required(fields: FormFields, name: string): string {
  const value = fields.get(name);
  if (value === undefined) throw s3Error("FORM_FIELD_MISSING", { members: { ArgumentName: name } });
  return value;
}

function checkConditions(conditions: readonly Condition[], values: FormFields): void {
  for (const condition of conditions) {
    if (condition.kind === "length") continue;
    const value = values.get(condition.field) ?? "";
    const holds = condition.kind === "eq" ? value === condition.value : value.startsWith(condition.value);
    if (!holds) {
      throw s3Error("POLICY_CONDITION_FAILED", {
        members: { Condition: `${condition.kind} $${condition.field}` },
      });
    }
  }
}

function checkCovered(conditions: readonly Condition[], fields: FormFields): void {
  const covered = new Set(
    conditions.flatMap((condition) => (condition.kind === "length" ? [] : [condition.field])),
  );
  for (const name of fields.keys()) {
    if (covered.has(name) || FREE.has(name) || name.startsWith("x-ignore-")) continue;
    throw s3Error("POLICY_FIELD_UNCOVERED", { members: { ArgumentName: name } });
  }
}

const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/;

function parsePolicy(encoded: string): Policy {
  const text = decodeUtf8(decodeBase64(encoded) ?? Buffer.alloc(0));
  const document = parseJson(text ?? "");
  if (!isObject(document)) throw s3Error("POLICY_INVALID");
  const { expiration, conditions } = document;
  const expirationMs =
    typeof expiration === "string" && ISO_TIME.test(expiration) ? Date.parse(expiration) : Number.NaN;
  const isWhole =
    !Number.isNaN(expirationMs) && Array.isArray(conditions) && conditions.length <= MAX_CONDITIONS;
  if (!isWhole) throw s3Error("POLICY_INVALID");
  return { expirationMs, conditions: conditions.flatMap(parseCondition) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw s3Error("POLICY_INVALID", { cause });
  }
}

function parseCondition(condition: unknown): Condition[] {
  if (Array.isArray(condition)) return [parseListCondition(condition)];
  if (!isObject(condition)) throw s3Error("POLICY_INVALID");
  return Object.entries(condition).map(([field, value]) => {
    if (typeof value !== "string") throw s3Error("POLICY_INVALID");
    return { kind: "eq", field: field.toLowerCase(), value };
  });
}

function parseListCondition(members: readonly unknown[]): Condition {
  const [name, a, b] = members;
  const kind = typeof name === "string" ? name.toLowerCase() : "";
  if (members.length !== 3) throw s3Error("POLICY_INVALID");
  if (kind === "content-length-range") return { kind: "length", min: lengthOf(a), max: lengthOf(b) };
  const isKnown = kind === "eq" || kind === "starts-with";
  if (!isKnown || typeof a !== "string" || !a.startsWith("$") || typeof b !== "string")
    throw s3Error("POLICY_INVALID");
  return { kind, field: a.slice(1).toLowerCase(), value: b };
}

function lengthOf(value: unknown): number {
  const number = typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : value;
  if (typeof number !== "number" || !Number.isSafeInteger(number) || number < 0)
    throw s3Error("POLICY_INVALID");
  return number;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
