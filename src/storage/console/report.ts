/** What the console shows, as JSON: read of the object service alone, bounded in every direction. */
import type {
  BucketInfo,
  CallOptions,
  ObjectService,
  ObjectServiceStatus,
} from "../objects/object-service.js";
import type { ListedObject } from "../s3/listing-xml.js";
import { checkBucketName } from "../s3/names.js";
import type { Query } from "../s3/query.js";
import { S3Error } from "../s3-error.js";
import { isSseError } from "../sse/errors.js";
import { keyNameOfId } from "../sse/request.js";
import type { ShownEncryption } from "../sse/response.js";

/** Rows of a page. Each object costs a look at its metadata. */
export const PAGE_ROWS = 50;
/** Looks at a time: behind a gateway each one is a call of the back end. */
const LOOKS = 8;
const PLAIN_READ = {
  sse: { target: undefined, source: undefined },
  conditions: {},
  wantsChecksum: false,
} as const;

/** How something is encrypted, and under which key of the key service. */
export interface EncryptionReport {
  readonly kind: "none" | "SSE-S3" | "SSE-KMS" | "SSE-C" | "unknown";
  /** Absent for the client's own key, and where a back end does not tell it. */
  readonly keyName?: string;
  /** S3's code of why it cannot be told: `unknown` alone. */
  readonly code?: string;
}

export interface BucketReport {
  readonly name: string;
  readonly createdMs: number;
  readonly defaultEncryption: EncryptionReport;
}

export interface ObjectReport {
  readonly key: string;
  readonly size: number;
  readonly modifiedMs: number;
  readonly encryption: EncryptionReport;
}

export interface PageReport<Row> {
  readonly rows: readonly Row[];
  /** The `after` of the next page; absent at the end. */
  readonly next?: string;
}

/** Folders come before objects, as a file browser has them. */
export type ObjectsReport = PageReport<ObjectReport> & { readonly folders: readonly string[] };

export interface StatusReport {
  readonly isStorageOnline: boolean;
  /** Absent where none is configured. */
  readonly keys?: {
    readonly name: string;
    readonly defaultKey: string;
    readonly endpoints: readonly { readonly endpoint: string; readonly isOnline: boolean }[];
  };
}

export function statusReport({ isStorageOnline, keys }: ObjectServiceStatus): StatusReport {
  if (keys === undefined) return { isStorageOnline };
  const endpoints = keys.endpoints.map(({ endpoint, isOnline }) => ({ endpoint, isOnline }));
  return { isStorageOnline, keys: { name: keys.name, defaultKey: keys.defaultKey, endpoints } };
}

/** Buckets behind `after`, in the order of their names. */
export async function bucketsReport(
  service: ObjectService,
  status: ObjectServiceStatus,
  query: Query,
  options: CallOptions,
): Promise<PageReport<BucketReport>> {
  const after = query.get("after") ?? "";
  const rest = (await service.buckets(options)).filter(({ name }) => name > after);
  const shown = rest.slice(0, PAGE_ROWS);
  const next = rest.length > shown.length ? shown.at(-1)?.name : undefined;
  const rows = await mapFew(shown, (bucket) => bucketReport(service, bucket, status, options));
  return next === undefined ? { rows } : { rows, next };
}

async function bucketReport(
  service: ObjectService,
  { name, createdMs }: BucketInfo,
  { keys }: ObjectServiceStatus,
  options: CallOptions,
): Promise<BucketReport> {
  const defaultEncryption = await lookAt(async () => {
    // Not every listing of buckets brings it along.
    const { encryption } = await service.bucket(name, options);
    if (encryption === undefined) return { kind: "none" };
    const keyName = keyNameOfId(encryption.keyId) ?? keys?.defaultKey;
    const kind = encryption.algorithm === "AES256" ? "SSE-S3" : "SSE-KMS";
    return { kind, ...(keyName === undefined ? {} : { keyName }) };
  });
  return { name, createdMs, defaultEncryption };
}

/** One level below `prefix`: what has a slash further on is a folder. */
export async function objectsReport(
  service: ObjectService,
  query: Query,
  options: CallOptions,
): Promise<ObjectsReport> {
  const bucket = query.get("bucket") ?? "";
  checkBucketName(bucket);
  const asked = { prefix: query.get("prefix") ?? "", after: query.get("after") ?? "" };
  const page = await service.list(bucket, { ...asked, delimiter: "/", maxKeys: PAGE_ROWS }, options);
  const rows = await mapFew(page.contents, (each) => objectReport(service, bucket, each, options));
  const { commonPrefixes: folders, next } = page;
  return next === undefined ? { folders, rows } : { folders, rows, next };
}

async function objectReport(
  service: ObjectService,
  bucket: string,
  { key, size, modifiedMs }: ListedObject,
  options: CallOptions,
): Promise<ObjectReport> {
  const encryption = await lookAt(async () => {
    const { object } = await service.head({ ...PLAIN_READ, ...options, path: { bucket, object: key } });
    return shown(object.encryption);
  });
  return { key, size, modifiedMs, encryption };
}

/** One row that cannot be looked at must not hide the others. */
async function lookAt(look: () => Promise<EncryptionReport>): Promise<EncryptionReport> {
  try {
    return await look();
  } catch (error) {
    // The client's key alone shows more, and nobody here has it.
    if (isSseError(error, "SSE_C_KEY_NEEDED")) return { kind: "SSE-C" };
    if (error instanceof S3Error) return { kind: "unknown", code: error.code };
    throw error;
  }
}

/** As `map`, a few at a time, in order. */
async function mapFew<Item, Result>(
  items: readonly Item[],
  each: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let i = 0; i < items.length; i += LOOKS) {
    results.push(...(await Promise.all(items.slice(i, i + LOOKS).map(each))));
  }
  return results;
}

function shown(encryption: ShownEncryption | undefined): EncryptionReport {
  if (encryption === undefined) return { kind: "none" };
  if (encryption.kind === "SSE-C" || encryption.dek === undefined) return { kind: encryption.kind };
  const { keyName } = encryption.dek;
  return keyName === "" ? { kind: encryption.kind } : { kind: encryption.kind, keyName };
}
