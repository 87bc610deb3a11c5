/**
 * The id of an upload holds how it is encrypted, or with which checksum its parts must go on: the back end tells
 * metadata of an upload to nobody, and gateways share nothing. The object's key in it is sealed and bound to bucket and key, as it is in metadata.
 */
import { type ChecksumAlgorithm, isChecksumAlgorithm } from "../s3/checksums.js";
import { s3Error } from "../s3/errors.js";
import { type Encryption, readEncryption, writeEncryption } from "../sse/metadata.js";

const PREFIX = "kw1.";
const MAX_CHARACTERS = 8_192;

export interface GatewayUpload {
  /** The back end's own. */
  readonly id: string;
  readonly encryption: Encryption | undefined;
  /** Of the parts of a plain upload: some services refuse a part without the one that the upload was begun with. */
  readonly checksum?: ChecksumAlgorithm;
}

/** Printable ASCII. The back end's own id where there is nothing to say. */
export function writeUploadId({ id, encryption, checksum }: GatewayUpload): string {
  if (encryption === undefined && checksum === undefined) return id;
  const entries = encryption === undefined ? {} : writeEncryption(encryption);
  const text = JSON.stringify([id, entries, ...(checksum === undefined ? [] : [checksum])]);
  return PREFIX + Buffer.from(text, "utf8").toString("base64url");
}

/** @throws S3Error `UPLOAD_NOT_FOUND` for what {@link writeUploadId} cannot have made */
export function readUploadId(uploadId: string): GatewayUpload {
  if (!uploadId.startsWith(PREFIX)) return { id: uploadId, encryption: undefined };
  try {
    if (uploadId.length > MAX_CHARACTERS) throw new Error("too long");
    const value: unknown = JSON.parse(
      Buffer.from(uploadId.slice(PREFIX.length), "base64url").toString("utf8"),
    );
    if (!Array.isArray(value)) throw new Error("no list");
    const [id, entries, named]: unknown[] = value;
    if (typeof id !== "string" || typeof entries !== "object" || entries === null) throw new Error("no id");
    const metadata: Record<string, string> = {};
    for (const [name, each] of Object.entries(entries)) {
      if (typeof each !== "string") throw new Error("no text");
      metadata[name] = each;
    }
    const encryption = readEncryption(metadata);
    const checksum = typeof named === "string" && isChecksumAlgorithm(named) ? named : undefined;
    if (encryption === undefined && checksum === undefined) throw new Error("nothing to say");
    return { id, encryption, ...(checksum === undefined ? {} : { checksum }) };
  } catch (cause) {
    throw s3Error("UPLOAD_NOT_FOUND", { cause });
  }
}
