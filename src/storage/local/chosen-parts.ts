/** The parts that a completion names, held against those that are there. */
import { setImmediate } from "node:timers/promises";
import type { CompleteRequest } from "../objects/object-service.js";
import type { NamedPart } from "../s3/documents.js";
import { s3Error } from "../s3/errors.js";
import type { ShownChecksum } from "../s3/result-documents.js";
import { shownETag } from "../sse/etag.js";
import type { ObjectKey } from "../sse/object-key.js";
import type { SseKind } from "../sse/seal.js";
import { openChecksum } from "../sse/stored-checksum.js";
import type { PartRecord } from "../store/object-store.js";

/** Of every part but the last. */
const MIN_PART_BYTES = 5 * 1024 * 1024;
const MAX_OBJECT_BYTES = 5 * 1024 ** 4;
/** Ten thousand sealed ETags take a while; others want to be served meanwhile. */
const PARTS_AT_ONCE = 256;

export interface ChosenPart {
  readonly record: PartRecord;
  /** As it is shown. */
  readonly etag: string;
  /** Undefined where there is none, or it is sealed and nobody needs it. */
  readonly checksum: ShownChecksum | undefined;
}

/**
 * In their order.
 * @throws S3Error `XML_MALFORMED` for none, `PART_ORDER_INVALID`, `PART_INVALID`, `ENTITY_TOO_SMALL`, `ENTITY_TOO_LARGE`, `SSE_ALTERED`
 */
export async function chooseParts(
  parts: readonly PartRecord[],
  { parts: named }: CompleteRequest,
  kind: SseKind | undefined,
  key: ObjectKey | undefined,
): Promise<readonly ChosenPart[]> {
  if (named.length === 0) throw s3Error("XML_MALFORMED");
  const byNumber = new Map(parts.map((part) => [part.number, part]));
  const chosen: ChosenPart[] = [];
  for (const [i, name] of named.entries()) {
    if (i % PARTS_AT_ONCE === PARTS_AT_ONCE - 1) await setImmediate();
    const previous = named[i - 1];
    // Content is read in the order of the numbers: an object of another order could never be read.
    if (previous !== undefined && name.number <= previous.number) throw s3Error("PART_ORDER_INVALID");
    const record = byNumber.get(name.number);
    if (record === undefined) throw invalid(name);
    const etag = shownETag(kind, record.etag, key);
    const checksum = record.checksum && openChecksum(record.checksum, key);
    if (etag !== name.etag || !fits(name, checksum)) throw invalid(name);
    chosen.push({ record, etag, checksum });
  }
  checkSizes(chosen);
  return chosen;
}

function fits({ checksum: named }: NamedPart, stored: ShownChecksum | undefined): boolean {
  if (named === undefined) return true;
  return named.algorithm === stored?.algorithm && named.value.toString("base64") === stored.value;
}

function checkSizes(chosen: readonly ChosenPart[]): void {
  const small = chosen.slice(0, -1).find(({ record }) => record.size < MIN_PART_BYTES);
  if (small !== undefined) {
    const { number, size } = small.record;
    throw s3Error("ENTITY_TOO_SMALL", {
      members: {
        ProposedSize: String(size),
        MinSizeAllowed: String(MIN_PART_BYTES),
        PartNumber: String(number),
        ETag: small.etag,
      },
    });
  }
  const size = chosen.reduce((sum, { record }) => sum + record.size, 0);
  if (size > MAX_OBJECT_BYTES) throw s3Error("ENTITY_TOO_LARGE");
}

function invalid({ number }: NamedPart): Error {
  return s3Error("PART_INVALID", { members: { PartNumber: String(number) } });
}
