/** Uploads by HTML forms (S3 API reference §3.6). */
import { pipeline, type Readable, Transform, type TransformCallback } from "node:stream";
import type { UploadBody, WrittenObject } from "../../objects/object-service.js";
import { openBody } from "../../s3/body.js";
import { readBodyChecksum } from "../../s3/checksum-headers.js";
import { readTagging } from "../../s3/documents.js";
import { isS3Error, s3Error } from "../../s3/errors.js";
import { HEADER_NAME, HEADER_VALUE, readStoredHeaders, type StoredHeaders } from "../../s3/headers.js";
import { checkKey } from "../../s3/names.js";
import { RequestHeaders } from "../../s3/request-headers.js";
import { postDocument } from "../../s3/result-documents.js";
import { allowsObject } from "../../s3/rights.js";
import type { FormFields, VerifiedForm } from "../../s3/signature/post-policy.js";
import { S3Error } from "../../s3-error.js";
import type { Answer } from "../answer.js";
import type { Call } from "../call.js";
import { MAX_OBJECT_BYTES } from "../request-body.js";
import { writtenHeaders } from "./objects.js";

/** Nothing in a form is signed but its policy. */
export const NO_CHAIN = {
  signingKey: Buffer.alloc(0),
  scope: { dateTime: "", date: "", region: "", text: "" },
  seed: "",
} as const;

/**
 * @param verify - checks signature and policy; what it throws is the answer
 * @param timeoutMs - for the fields
 */
export async function postObject(
  call: Call,
  verify: (fields: FormFields) => VerifiedForm,
  timeoutMs: number,
): Promise<Answer> {
  const { fields, file } = await call.body.form(timeoutMs);
  try {
    const { credential, minBytes, maxBytes } = verify(fields);
    const key = fields.get("key");
    if (key === undefined) throw missing("key");
    checkKey(key);
    if (!allowsObject(credential.rights, "write", call.bucket, key)) throw s3Error("ACCESS_DENIED");
    const headers = headersOf(fields);
    const after = afterwards(fields);
    const sse = call.sseOf("store", headers);
    const written = await call.service.put({
      path: { bucket: call.bucket, object: key },
      stored: storedOf(headers, fields),
      sse,
      conditions: {},
      body: bodyOf(file, headers, minBytes, Math.min(maxBytes, MAX_OBJECT_BYTES)),
      ...call.options,
    });
    const location = call.urlOf(key);
    return answerOf(after, { location, key, bucket: call.bucket }, written, {
      ...writtenHeaders(call, written, sse),
      location,
    });
  } catch (error) {
    // The stream of the file tells of the form; that of the body knows only that its source failed.
    if (isS3Error(error, "BODY_INCOMPLETE") && error.cause instanceof S3Error) throw error.cause;
    throw error;
  } finally {
    file.destroy();
  }
}

/** The fields as the headers of a PUT would have them. @throws S3Error `FORM_FIELD_INVALID` */
function headersOf(fields: FormFields): RequestHeaders {
  const raw: string[] = [];
  for (const [field, text] of fields) {
    const name = field === "acl" ? "x-amz-acl" : field;
    const value = Buffer.from(text, "utf8").toString("latin1");
    const isKept = name.startsWith("x-amz-") || name.startsWith("content-") || KEPT.has(name);
    if (!isKept) continue;
    if (!HEADER_NAME.test(name) || !HEADER_VALUE.test(value)) throw invalid(field);
    raw.push(name, value);
  }
  return new RequestHeaders(raw);
}

const KEPT = new Set(["cache-control", "expires"]);

function storedOf(headers: RequestHeaders, fields: FormFields): StoredHeaders {
  const stored = readStoredHeaders(headers);
  const tagging = fields.get("tagging");
  return tagging === undefined ? stored : { ...stored, tags: readTagging(Buffer.from(tagging, "utf8")) };
}

function bodyOf(file: Readable, headers: RequestHeaders, minBytes: number, maxBytes: number): UploadBody {
  const checksum = readBodyChecksum(headers, undefined);
  const plan = {
    payload: { kind: "unsigned" },
    chain: NO_CHAIN,
    length: undefined,
    md5: undefined,
    checksum,
  } as const;
  return {
    plan,
    open: (wishes) => {
      const guard = new AtLeast(minBytes);
      // The file may have failed before anybody reads it; whoever reads the body is told of that too.
      pipeline(file, guard, () => undefined);
      return openBody(guard, plan, maxBytes, wishes);
    },
  };
}

/** Fails at the end of a stream that was too short. */
class AtLeast extends Transform {
  readonly #minBytes: number;
  #size = 0;

  constructor(minBytes: number) {
    super();
    this.#minBytes = minBytes;
  }

  override _transform(bytes: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#size += bytes.length;
    done(null, bytes);
  }

  override _flush(done: TransformCallback): void {
    if (this.#size >= this.#minBytes) return done();
    done(s3Error("ENTITY_TOO_SMALL", { members: { MinSizeAllowed: String(this.#minBytes) } }));
  }
}

type Afterwards = { readonly redirect: URL } | { readonly status: 200 | 201 | 204 };

/** @throws S3Error `FORM_FIELD_INVALID` for a redirect to what is no web page */
function afterwards(fields: FormFields): Afterwards {
  const redirect = fields.get("success_action_redirect") ?? fields.get("redirect");
  if (redirect !== undefined && redirect !== "") {
    const url = URL.canParse(redirect) ? new URL(redirect) : undefined;
    if (url === undefined || !/^https?:$/.test(url.protocol)) throw invalid("success_action_redirect");
    return { redirect: url };
  }
  const status = fields.get("success_action_status");
  return { status: status === "200" ? 200 : status === "201" ? 201 : 204 };
}

function answerOf(
  after: Afterwards,
  { location, bucket, key }: { readonly location: string; readonly bucket: string; readonly key: string },
  { etag }: WrittenObject,
  headers: Readonly<Record<string, string>>,
): Answer {
  if ("redirect" in after) {
    const url = new URL(after.redirect);
    url.searchParams.append("bucket", bucket);
    url.searchParams.append("key", key);
    url.searchParams.append("etag", `"${etag}"`);
    return { status: 303, headers: { ...headers, location: url.href } };
  }
  if (after.status !== 201) return { status: after.status, headers };
  return { status: 201, headers, document: postDocument(location, bucket, key, etag) };
}

function missing(name: string): Error {
  return s3Error("FORM_FIELD_MISSING", { members: { ArgumentName: name } });
}

function invalid(name: string): Error {
  return s3Error("FORM_FIELD_INVALID", { members: { ArgumentName: name } });
}
