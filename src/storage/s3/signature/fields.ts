/** The parts of a signature as they stand in the `Authorization` header or in the query, not yet believed. */
import { s3Error } from "../errors.js";
import { decodeUtf8 } from "../percent.js";
import type { Query } from "../query.js";
import { ALGORITHM } from "./canonical.js";
import { SERVICE, TERMINATOR } from "./credentials.js";

/** What a request says about its signature. */
export interface SignatureFields {
  readonly credential: CredentialField;
  /** Lower-case names, sorted, none twice. */
  readonly signedHeaders: readonly string[];
  readonly signature: string;
}

/** `<key>/<yyyymmdd>/<region>/s3/aws4_request`; the key may hold slashes. */
export interface CredentialField {
  readonly accessKey: string;
  readonly date: string;
  readonly region: string;
}

type Malformed = "AUTHORIZATION_MALFORMED" | "AUTHORIZATION_QUERY_MALFORMED";

const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const MAX_SIGNED_HEADERS = 100;

/**
 * Reads the header. Fields are separated by commas, with or without white space.
 * @throws S3Error `SIGNATURE_VERSION_UNSUPPORTED`, `AUTHORIZATION_TYPE_UNKNOWN`, `AUTHORIZATION_MALFORMED`
 */
export function parseAuthorization(header: string): SignatureFields {
  const space = header.search(/[ \t]/);
  const scheme = space < 0 ? header : header.slice(0, space);
  if (scheme !== ALGORITHM) {
    const isOther = scheme === "AWS" || scheme.startsWith("AWS4-");
    throw s3Error(isOther ? "SIGNATURE_VERSION_UNSUPPORTED" : "AUTHORIZATION_TYPE_UNKNOWN");
  }
  const fields = new Map<string, string>();
  for (const part of header.slice(space + 1).split(",")) {
    const equals = part.indexOf("=");
    const name = part.slice(0, Math.max(equals, 0)).trim();
    if (name === "" || fields.has(name)) throw s3Error("AUTHORIZATION_MALFORMED");
    fields.set(name, part.slice(equals + 1).trim());
  }
  const credential = fields.get("Credential");
  const signedHeaders = fields.get("SignedHeaders");
  const signature = fields.get("Signature");
  if (
    credential === undefined ||
    signedHeaders === undefined ||
    signature === undefined ||
    fields.size !== 3
  ) {
    throw s3Error("AUTHORIZATION_MALFORMED");
  }
  const text = decodeUtf8(Buffer.from(credential, "latin1"));
  if (text === undefined) throw s3Error("AUTHORIZATION_MALFORMED");
  return {
    credential: parseCredential(text, "AUTHORIZATION_MALFORMED"),
    signedHeaders: parseSignedHeaders(signedHeaders, "AUTHORIZATION_MALFORMED"),
    signature,
  };
}

/** Those of a presigned URL. @throws S3Error `SIGNATURE_VERSION_UNSUPPORTED`, `AUTHORIZATION_QUERY_MALFORMED` */
export function parsePresigned(query: Query): SignatureFields {
  const algorithm = query.get("X-Amz-Algorithm");
  if (algorithm !== undefined && algorithm !== ALGORITHM) throw s3Error("SIGNATURE_VERSION_UNSUPPORTED");
  const credential = query.get("X-Amz-Credential");
  const signedHeaders = query.get("X-Amz-SignedHeaders");
  const signature = query.get("X-Amz-Signature");
  if (!algorithm || credential === undefined || signedHeaders === undefined || signature === undefined) {
    throw s3Error("AUTHORIZATION_QUERY_MALFORMED");
  }
  return {
    credential: parseCredential(credential, "AUTHORIZATION_QUERY_MALFORMED"),
    signedHeaders: parseSignedHeaders(signedHeaders, "AUTHORIZATION_QUERY_MALFORMED"),
    signature,
  };
}

/** @throws S3Error `malformed` */
export function parseCredential(text: string, malformed: Malformed): CredentialField {
  const parts = text.split("/");
  const [date = "", region = "", service, terminator] = parts.slice(-4);
  const accessKey = parts.slice(0, -4).join("/");
  const isWhole = accessKey !== "" && /^\d{8}$/.test(date) && /^[A-Za-z0-9-]{1,64}$/.test(region);
  if (!isWhole || service !== SERVICE || terminator !== TERMINATOR) throw s3Error(malformed);
  return { accessKey, date, region };
}

/** @throws S3Error `malformed`; `HEADERS_NOT_SIGNED` without `host`, for then the URL could be used at another server */
function parseSignedHeaders(text: string, malformed: Malformed): string[] {
  const names = text.split(";").map((name) => name.trim().toLowerCase());
  const isWhole = names.length <= MAX_SIGNED_HEADERS && names.every((name) => HEADER_NAME.test(name));
  if (!isWhole || new Set(names).size !== names.length) throw s3Error(malformed);
  if (!names.includes("host")) throw s3Error("HEADERS_NOT_SIGNED", { members: { HeadersNotSigned: "host" } });
  return names.sort();
}
