/** Holding what was read against ETags and checksums: damage of plain content shows nowhere else. */
import { multipartChecksum } from "../s3/checksums.js";
import { isSseError } from "../sse/errors.js";
import { isSealedETag, multipartETag, shownETag } from "../sse/etag.js";
import type { ObjectKey } from "../sse/object-key.js";
import type { StoredChecksum } from "../sse/stored-checksum.js";
import { openChecksum } from "../sse/stored-checksum.js";
import type { PartRecord } from "../store/object-store.js";
import type { SourceObject } from "./source-object.js";
import type { Damage, ScannedPart } from "./verify-part.js";

/** @param scanned - the object's parts in their order, or its one piece; those that are damaged are passed over */
export async function checkSums(
  source: SourceObject,
  scanned: readonly ScannedPart[],
  key: ObjectKey | undefined,
): Promise<readonly Damage[]> {
  try {
    const { parts } = source.record;
    return parts === undefined
      ? checkPiece(source, scanned, key)
      : await checkParts(source, parts, scanned, key);
  } catch (error) {
    if (isSseError(error, "SSE_ALTERED")) return [{ flaw: "record" }];
    throw error;
  }
}

function checkPiece(
  { record, encryption }: SourceObject,
  [piece]: readonly ScannedPart[],
  key: ObjectKey | undefined,
): Damage[] {
  const damage: Damage[] = [];
  if (!isETagOf(piece, record.etag, encryption?.kind, key)) damage.push({ flaw: "etag" });
  if (!isChecksumOf(piece, record.checksum, key)) damage.push({ flaw: "checksum" });
  return damage;
}

async function checkParts(
  { record, encryption }: SourceObject,
  parts: readonly PartRecord[],
  scanned: readonly ScannedPart[],
  key: ObjectKey | undefined,
): Promise<Damage[]> {
  const kind = encryption?.kind;
  const damage: Damage[] = [];
  for (const [i, { number, etag, checksum }] of parts.entries()) {
    if (!isETagOf(scanned[i], etag, kind, key)) damage.push({ flaw: "etag", part: number });
    if (!isChecksumOf(scanned[i], checksum, key)) damage.push({ flaw: "checksum", part: number });
  }
  const shown = parts.map(({ etag }) => shownETag(kind, etag, key));
  if (multipartETag(shown) !== record.etag) damage.push({ flaw: "etag" });
  const whole = record.checksum && openChecksum(record.checksum, key);
  if (whole === undefined) return damage;
  const pieces = scanned.flatMap(({ checksum, size }) =>
    checksum === undefined ? [] : [{ checksum, size }],
  );
  const isComplete = pieces.length === parts.length;
  const joined = isComplete ? await multipartChecksum(whole.algorithm, whole.type, pieces) : undefined;
  if (isComplete && joined !== whole.value) damage.push({ flaw: "checksum" });
  return damage;
}

/** Only of plain and SSE-S3 objects; those of the others tell nothing of the content. */
function isETagOf(
  scanned: ScannedPart | undefined,
  stored: string,
  kind: NonNullable<SourceObject["encryption"]>["kind"] | undefined,
  key: ObjectKey | undefined,
): boolean {
  const isMd5 = kind === undefined || (kind === "SSE-S3" && isSealedETag(stored));
  if (!isMd5 || scanned?.md5 === undefined) return true;
  return shownETag(kind, stored, key) === scanned.md5.toString("hex");
}

function isChecksumOf(
  scanned: ScannedPart | undefined,
  stored: StoredChecksum | undefined,
  key: ObjectKey | undefined,
): boolean {
  if (stored === undefined || scanned?.checksum === undefined) return true;
  return openChecksum(stored, key)?.value === scanned.checksum.toString("base64");
}
