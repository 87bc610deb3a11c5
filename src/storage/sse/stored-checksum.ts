/** Checksums of the plaintext as they are stored: sealed beside an encrypted object, for they tell of its content. */
import type { RandomSource } from "../../crypto/random.js";
import type { ChecksumAlgorithm, ChecksumType } from "../s3/checksums.js";
import type { ShownChecksum } from "../s3/result-documents.js";
import type { ObjectKey } from "./object-key.js";

/** `value` is text for a plain object, base64 of its sealed form for an encrypted one. */
export interface StoredChecksum {
  readonly algorithm: ChecksumAlgorithm;
  readonly type: ChecksumType;
  readonly value: string;
  readonly isSealed: boolean;
}

const LABEL = "object-checksum";

/** @param key - of the object; undefined for a plain one */
export function storedChecksum(
  { algorithm, type, value }: ShownChecksum,
  key: ObjectKey | undefined,
  random: RandomSource,
): StoredChecksum {
  if (key === undefined) return { algorithm, type, value, isSealed: false };
  const sealed = key.sealMetadata(LABEL, Buffer.from(value, "latin1"), random);
  return { algorithm, type, value: sealed.toString("base64"), isSealed: true };
}

/** Undefined for a sealed one without key. @throws S3Error `SSE_ALTERED` */
export function openChecksum(stored: StoredChecksum, key: ObjectKey | undefined): ShownChecksum | undefined {
  const { algorithm, type, value, isSealed } = stored;
  if (!isSealed) return { algorithm, type, value };
  if (key === undefined) return undefined;
  const opened = key.openMetadata(LABEL, Buffer.from(value, "base64"));
  return { algorithm, type, value: opened.toString("latin1") };
}
