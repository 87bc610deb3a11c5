/** The checksum of an object that was uploaded in parts: joined from theirs, and held against what the client says. */
import type { CompleteRequest } from "../objects/object-service.js";
import type { UploadChecksum } from "../s3/checksum-headers.js";
import { allowsChecksumType, multipartChecksum } from "../s3/checksums.js";
import { s3Error } from "../s3/errors.js";
import type { ShownChecksum } from "../s3/result-documents.js";
import type { ChosenPart } from "./chosen-parts.js";

const COMPOSITE = /-\d+$/;

/**
 * Undefined where neither upload nor request has one.
 * @param planned - of the upload
 * @throws S3Error `CHECKSUM_ALGORITHM_INVALID` for another algorithm or type than the upload's, `CHECKSUM_MISMATCH`,
 *   `PART_INVALID` for a part without checksum of the algorithm
 */
export async function completedChecksum(
  { checksum: promised, checksumType }: CompleteRequest,
  planned: UploadChecksum | undefined,
  parts: readonly ChosenPart[],
): Promise<ShownChecksum | undefined> {
  const wanted = planned ?? (promised && impliedBy(promised, checksumType));
  if (wanted === undefined) return undefined;
  const { algorithm, type } = wanted;
  const isOther = (checksumType ?? type) !== type || (promised?.algorithm ?? algorithm) !== algorithm;
  if (isOther || !allowsChecksumType(algorithm, type)) throw s3Error("CHECKSUM_ALGORITHM_INVALID");
  const pieces = parts.map(({ record, checksum }) => {
    if (checksum?.algorithm !== algorithm) {
      throw s3Error("PART_INVALID", { members: { PartNumber: String(record.number) } });
    }
    return { checksum: Buffer.from(checksum.value, "base64"), size: record.size };
  });
  const value = await multipartChecksum(algorithm, type, pieces);
  if (promised !== undefined && promised.value !== value) {
    throw s3Error("CHECKSUM_MISMATCH", { members: { Algorithm: algorithm } });
  }
  return { algorithm, type, value };
}

/** What a client means that says a checksum only at the end. */
function impliedBy(
  { algorithm, value }: Pick<ShownChecksum, "algorithm" | "value">,
  type: ShownChecksum["type"] | undefined,
): UploadChecksum {
  return { algorithm, type: type ?? (COMPOSITE.test(value) ? "COMPOSITE" : "FULL_OBJECT") };
}
