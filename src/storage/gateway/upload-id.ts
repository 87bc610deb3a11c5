/**
 * The id of an upload holds how it is encrypted: the back end tells metadata of an upload to nobody, and gateways share
 * nothing. The object's key in it is sealed and bound to bucket and key, as it is in metadata.
 */
import { s3Error } from "../s3/errors.js";
import { type Encryption, readEncryption, writeEncryption } from "../sse/metadata.js";

const PREFIX = "kw1.";
const MAX_CHARACTERS = 8_192;

export interface GatewayUpload {
  /** The back end's own. */
  readonly id: string;
  readonly encryption: Encryption | undefined;
}

/** Printable ASCII. The back end's own id where nothing is encrypted by the gateway. */
export function writeUploadId({ id, encryption }: GatewayUpload): string {
  if (encryption === undefined) return id;
  const text = JSON.stringify([id, writeEncryption(encryption)]);
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
    const [id, entries]: unknown[] = value;
    if (typeof id !== "string" || typeof entries !== "object" || entries === null) throw new Error("no id");
    const metadata: Record<string, string> = {};
    for (const [name, each] of Object.entries(entries)) {
      if (typeof each !== "string") throw new Error("no text");
      metadata[name] = each;
    }
    const encryption = readEncryption(metadata);
    if (encryption === undefined) throw new Error("not encrypted");
    return { id, encryption };
  } catch (cause) {
    throw s3Error("UPLOAD_NOT_FOUND", { cause });
  }
}
