/** What `kes-s3 stat` says of an object: how it is stored, by which key it can be opened. */
import { encryptionKind, readEncryption } from "../../storage/sse/metadata.js";
import type { HeldObject, ObjectRecord } from "../../storage/store/object-store.js";

export interface StatReport {
  readonly bucket: string;
  readonly key: string;
  /** Bytes of content. */
  readonly size: number;
  /** Bytes on disk, without metadata. */
  readonly storedSize: number;
  readonly modified: string;
  /** As it is stored: sealed for an encrypted object of one piece. */
  readonly etag: string;
  readonly encryption: "none" | "SSE-S3" | "SSE-KMS" | "SSE-C" | "unknown";
  /** The key at the key service. */
  readonly keyName?: string;
  /** As the client gave it. */
  readonly keyId?: string;
  readonly sealAlgorithm?: string;
  /** The client gave an encryption context; what it holds is not shown. */
  readonly hasContext?: boolean;
  readonly storageClass: string;
  readonly checksum?: string;
  readonly tags: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly parts: readonly { readonly number: number; readonly size: number; readonly storedSize: number }[];
}

export function statReport(bucket: string, { record, storedSize }: HeldObject): StatReport {
  const { checksum, tags, headers, parts = [], storageClass = "STANDARD" } = record;
  return {
    bucket,
    key: record.key,
    size: record.size,
    storedSize,
    modified: new Date(record.modifiedMs).toISOString(),
    etag: record.etag,
    ...encryptionOf(record),
    storageClass,
    ...(checksum === undefined ? {} : { checksum: checksumText(checksum) }),
    tags: tags.length,
    headers,
    parts: parts.map((part) => ({ number: part.number, size: part.size, storedSize: part.storedSize })),
  };
}

function encryptionOf({
  encryption,
}: ObjectRecord): Pick<StatReport, "encryption" | "keyName" | "keyId" | "sealAlgorithm" | "hasContext"> {
  const kind = encryptionKind(encryption);
  if (kind === undefined) return { encryption: "none" };
  if (kind === "unknown") return { encryption: "unknown" };
  const read = readEncryption(encryption);
  if (read === undefined) return { encryption: "none" };
  const sealAlgorithm = read.objectKey.algorithm;
  if (read.kind === "SSE-C") return { encryption: kind, sealAlgorithm };
  const { keyName } = read.dek;
  if (read.kind === "SSE-S3") return { encryption: kind, keyName, sealAlgorithm };
  const keyId = read.keyId === undefined ? {} : { keyId: read.keyId };
  return { encryption: kind, keyName, ...keyId, sealAlgorithm, hasContext: read.context !== undefined };
}

/** The value of an encrypted object's is sealed. */
function checksumText({ algorithm, type, value, isSealed }: NonNullable<ObjectRecord["checksum"]>): string {
  return `${algorithm} ${type}${isSealed ? " (sealed)" : ` ${value}`}`;
}

const LABEL_WIDTH = 13;
const MAX_PARTS_SHOWN = 20;

/** For people, a line each. */
export function statLines(report: StatReport): string[] {
  const fields: (readonly [string, string | undefined])[] = [
    ["Object", `${report.bucket}/${report.key}`],
    ["Size", `${report.size} bytes, ${report.storedSize} on disk`],
    ["Modified", report.modified],
    ["ETag", report.etag],
    ["Encryption", report.encryption],
    ["Key", report.keyName],
    ["Key id given", report.keyId],
    ["Sealed by", report.sealAlgorithm],
    ["Context", report.hasContext === true ? "given by the client" : undefined],
    ["Storage class", report.storageClass],
    ["Checksum", report.checksum],
    ["Tags", report.tags === 0 ? undefined : String(report.tags)],
    ...Object.entries(report.headers).map(([name, value]) => ["Header", `${name}: ${value}`] as const),
    ["Parts", report.parts.length === 0 ? undefined : String(report.parts.length)],
    ...report.parts
      .slice(0, MAX_PARTS_SHOWN)
      .map(
        ({ number, size, storedSize }) => [`  ${number}`, `${size} bytes, ${storedSize} on disk`] as const,
      ),
  ];
  const lines = fields.flatMap(([label, value]) =>
    value === undefined ? [] : [`${label.padEnd(LABEL_WIDTH)} ${value}`],
  );
  const rest = report.parts.length - MAX_PARTS_SHOWN;
  return rest > 0 ? [...lines, `${"".padEnd(LABEL_WIDTH)} and ${rest} more; --json has them all`] : lines;
}
