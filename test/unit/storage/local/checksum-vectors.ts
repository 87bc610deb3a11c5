/**
 * Checksums of two parts, 5 MiB and 70,000 bytes of the pattern i mod 251, and of the object made of them: computed by
 * Python's zlib and hashlib, and bit by bit from the polynomials of the S3 API reference.
 */
import type { ChecksumAlgorithm, ChecksumType } from "../../../../src/storage/s3/checksums.js";

interface ChecksumVector {
  readonly algorithm: ChecksumAlgorithm;
  readonly type: ChecksumType;
  readonly parts: readonly [Buffer, Buffer];
  /** As it is shown. */
  readonly whole: string;
}

function row(
  algorithm: ChecksumAlgorithm,
  type: ChecksumType,
  first: string,
  second: string,
  whole: string,
): ChecksumVector {
  return { algorithm, type, parts: [Buffer.from(first, "base64"), Buffer.from(second, "base64")], whole };
}

export const CHECKSUMS: readonly ChecksumVector[] = [
  row("CRC32", "COMPOSITE", "yIv8rA==", "n+HHwQ==", "tCxu3A==-2"),
  row("CRC32", "FULL_OBJECT", "yIv8rA==", "n+HHwQ==", "RbFFLg=="),
  row("CRC32C", "COMPOSITE", "CatQ4g==", "joSRBg==", "wR5vCA==-2"),
  row("CRC32C", "FULL_OBJECT", "CatQ4g==", "joSRBg==", "BbpGMA=="),
  row("CRC64NVME", "FULL_OBJECT", "bgp1IS1VSZg=", "PaOFetZBHPM=", "I3PnNhNckAE="),
  row(
    "SHA1",
    "COMPOSITE",
    "RBkQhInzDJShS2Z85OUfzGKtixk=",
    "9kAmH0R2KUquvsU2BzGepL3iULs=",
    "7FMhEabyyoi2S4ynyP9JQOXm+XM=-2",
  ),
  row(
    "SHA256",
    "COMPOSITE",
    "FrYy8Rz5UN2mfcTBhKP54Kof+kwYknu4l359qXyiW8o=",
    "ncF3wv3ineqOfCn33fFHt8RJyZ0EnGLzqsClkz7PdqM=",
    "vfrNHsSvxcJiXqOvJNd3wOqTI1pHyu8R4pgwgRtxu4A=-2",
  ),
];
