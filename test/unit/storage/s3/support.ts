/** Shared by the tests of the S3 protocol. */
import { readFileSync } from "node:fs";
import { Readable } from "node:stream";
import { expect } from "chai";
import type { S3Failure } from "../../../../src/storage/s3/errors.js";
import { Query } from "../../../../src/storage/s3/query.js";
import { RequestHeaders } from "../../../../src/storage/s3/request-headers.js";
import type { Credentials } from "../../../../src/storage/s3/signature/credentials.js";
import { SecretCredential } from "../../../../src/storage/s3/signature/credentials.js";
import type { SignedRequest } from "../../../../src/storage/s3/signature/verify.js";
import { parseTarget } from "../../../../src/storage/s3/target.js";
import { S3Error } from "../../../../src/storage/s3-error.js";

export const ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE";
export const SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/** The access key of AWS's examples, and one with slashes. */
export const credentials: Credentials = {
  find(accessKey) {
    const known = [ACCESS_KEY, "team/a/key"];
    return known.includes(accessKey)
      ? new SecretCredential(accessKey, SECRET, { canWrite: true })
      : undefined;
  },
};

export type HeaderPairs = readonly (readonly [string, string])[];

export const headersOf = (record: Readonly<Record<string, string>>): RequestHeaders =>
  new RequestHeaders(Object.entries(record).flat());

export const queryOf = (raw: string): Query => Query.parse(raw);

export function signedRequest(method: string, target: string, headers: HeaderPairs): SignedRequest {
  const parsed = new RequestHeaders(headers.flat());
  return { method, target: parseTarget(target, parsed.get("host"), []), headers: parsed };
}

/** Runs and expects that row. */
export function refused(run: () => unknown, ...failures: S3Failure[]): S3Error {
  try {
    run();
  } catch (error) {
    return expectFailure(error, failures);
  }
  throw new Error(`not refused as ${failures.join(", ")}`);
}

export async function refusedLater(run: () => Promise<unknown>, ...failures: S3Failure[]): Promise<S3Error> {
  try {
    await run();
  } catch (error) {
    return expectFailure(error, failures);
  }
  throw new Error(`not refused as ${failures.join(", ")}`);
}

function expectFailure(error: unknown, failures: readonly string[]): S3Error {
  if (!(error instanceof S3Error)) throw error;
  expect(failures, `${error.reason}: ${error.message}`).to.include(error.reason);
  return error;
}

/** A body that comes in these pieces. */
export const sourceOf = (...pieces: readonly (Buffer | string)[]): Readable =>
  Readable.from(
    pieces.map((piece) => Buffer.from(piece)),
    { objectMode: false },
  );

/** Cuts bytes at the given places. */
export function cutAt(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort(
    (a, b) => a - b,
  );
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end));
}

export async function contentOf(stream: Readable): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}

export interface SignatureCase {
  readonly id: string;
  readonly method: string;
  readonly target: string;
  readonly headers: HeaderPairs;
  readonly signature: string;
  readonly chunks?: readonly string[];
  readonly trailer?: readonly [line: string, signature: string];
}

interface SignatureVectors {
  readonly cases: readonly SignatureCase[];
  readonly form: {
    readonly bucket: string;
    readonly nowMs: number;
    readonly fields: Readonly<Record<string, string>>;
  };
}

export function signatureVectors(): SignatureVectors {
  const url = new URL("../../../vectors/sigv4.json", import.meta.url);
  const vectors: SignatureVectors = JSON.parse(readFileSync(url, "utf8"));
  return vectors;
}

/** The time of AWS's examples. */
export const EXAMPLE_MS = Date.UTC(2013, 4, 24);
