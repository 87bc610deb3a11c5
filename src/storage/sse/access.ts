/** Whether a request brings the client's key where it is needed, and only there (S3 reference §2.1). */
import type { CustomerKey } from "./customer-key.js";
import { type SseFailure, sseError } from "./errors.js";
import type { SseKind } from "./seal.js";

/**
 * For what an object or upload is opened:
 * - `read`: GetObject, HeadObject and their like
 * - `copy-source`: CopyObject and UploadPartCopy, of the source; the key is the one of the copy-source headers
 * - `part`: UploadPart, UploadPartCopy, of the upload
 * - `upload`: CompleteMultipartUpload, ListParts: the key may be left out, and must be right when it is there
 */
export type SseUse = "read" | "copy-source" | "part" | "upload";

const failures: Readonly<
  Record<SseUse, { readonly needed?: SseFailure; readonly stray: SseFailure; readonly wrong: SseFailure }>
> = {
  read: { needed: "SSE_C_KEY_NEEDED", stray: "SSE_C_KEY_STRAY", wrong: "SSE_C_KEY_WRONG" },
  "copy-source": {
    needed: "SSE_C_SOURCE_KEY_NEEDED",
    stray: "SSE_C_SOURCE_KEY_STRAY",
    wrong: "SSE_C_KEY_WRONG",
  },
  part: {
    needed: "SSE_C_PART_KEY_NEEDED",
    stray: "SSE_C_PART_KEY_STRAY",
    wrong: "SSE_C_PART_KEY_WRONG",
  },
  upload: { stray: "SSE_C_PART_KEY_STRAY", wrong: "SSE_C_PART_KEY_WRONG" },
};

/**
 * Checks that a client's key is there exactly where it has to be. Whether it is the right one shows when the object key
 * is opened, which for SSE-C costs no call.
 * @param kind - of what is stored; undefined for a plain object
 * @throws S3Error `SSE_C_KEY_NEEDED`, `SSE_C_KEY_STRAY` and their like for sources and parts
 */
export function checkCustomerKey(kind: SseKind | undefined, key: CustomerKey | undefined, use: SseUse): void {
  const { needed, stray } = failures[use];
  if (kind !== "SSE-C" && key !== undefined) throw sseError(stray);
  if (kind === "SSE-C" && key === undefined && needed !== undefined) throw sseError(needed);
}

/** What a wrong key is called there. */
export function wrongKeyFailure(use: SseUse): SseFailure {
  return failures[use].wrong;
}
