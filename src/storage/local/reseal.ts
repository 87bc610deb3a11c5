/** An object's key sealed anew in the key service, its content untouched (S3 reference §3.5). */
import type { Resealed } from "../objects/object-service.js";
import { s3Error } from "../s3/errors.js";
import type { ManagedRequest } from "../sse/encryption.js";
import { sseError } from "../sse/errors.js";
import { readEncryption, writeEncryption } from "../sse/metadata.js";
import { rotateEncryption, rotationPairings } from "../sse/rotate.js";
import type { ObjectPath } from "../sse/seal.js";
import type { LocalBase } from "./base.js";
import { unchanged, whenUnchanged } from "./concurrent-change.js";
import { needsIndex } from "./shown.js";

/**
 * At any moment the object is under its old key or under the new one. ETag and time stay.
 * @throws S3Error `KEY_NOT_FOUND`, `KMS_NOT_CONFIGURED`, and those of `rotateEncryption`
 */
export function resealObject(
  base: LocalBase,
  path: ObjectPath,
  to: ManagedRequest,
  signal: AbortSignal | undefined,
): Promise<Resealed> {
  const { store, keys, random } = base;
  return whenUnchanged(async () => {
    const record = store.object(path.bucket, path.object);
    if (record === undefined) throw s3Error("KEY_NOT_FOUND");
    const encryption = readEncryption(record.encryption);
    if (encryption === undefined) return "plain";
    if (encryption.kind === "SSE-C") return "customer-key";
    if (rotationPairings[encryption.kind][to.kind] === "refuse") return "refused";
    if (keys === undefined) throw sseError("KMS_NOT_CONFIGURED");
    // It follows the default key with its first use, which must not come after the old one is gone.
    if (needsIndex(record)) await base.index.open();
    const rotated = await rotateEncryption(encryption, {
      ...{ to, path, keys, random },
      ...(signal === undefined ? {} : { signal }),
    });
    if (rotated === undefined) return "plain";
    signal?.throwIfAborted();
    await store.changeObject(path.bucket, path.object, (existing) => ({
      ...unchanged(existing, record),
      encryption: writeEncryption(rotated),
    }));
    return "resealed";
  });
}
