/** An object's key sealed anew: the back end copies the object onto itself with other metadata. */
import { CopyObjectCommand } from "@aws-sdk/client-s3";
import type { Resealed } from "../objects/object-service.js";
import type { ManagedRequest } from "../sse/encryption.js";
import { sseError } from "../sse/errors.js";
import { rotateEncryption, rotationPairings } from "../sse/rotate.js";
import type { ObjectPath } from "../sse/seal.js";
import type { GatewayBase } from "./base.js";
import { copySourceOf, keptSealed } from "./copy.js";
import { findObject } from "./found-object.js";
import { writeMetadata } from "./metadata.js";
import { storageClassField } from "./store-content.js";
import { encryptionFields } from "./twice.js";
import { whileUnchanged } from "./while-unchanged.js";

/** Time and, for an object in parts, the back end's own ETag change; what clients see as ETag stays. */
export function resealObject(
  base: GatewayBase,
  path: ObjectPath,
  to: ManagedRequest,
  signal: AbortSignal | undefined,
): Promise<Resealed> {
  const { keys, random } = base;
  return whileUnchanged(async () => {
    const found = await findObject(base, path, undefined, "read", signal);
    const { encryption } = found.sealed;
    if (encryption === undefined) return "plain";
    if (encryption.kind === "SSE-C") return "customer-key";
    if (rotationPairings[encryption.kind][to.kind] === "refuse") return "refused";
    if (keys === undefined) throw sseError("KMS_NOT_CONFIGURED");
    const sealed = await keptSealed(base, found, signal);
    const rotated = await rotateEncryption(encryption, {
      ...{ to, path, keys, random },
      ...(signal === undefined ? {} : { signal }),
    });
    if (rotated === undefined) return "plain";
    await base.backEnd.call(signal, (client, options) =>
      client.send(
        new CopyObjectCommand({
          ...{ Bucket: path.bucket, Key: path.object },
          CopySource: copySourceOf(found),
          CopySourceIfMatch: found.backEndETag,
          MetadataDirective: "REPLACE",
          ...writeMetadata(found.headers, { ...sealed, encryption: rotated }),
          ...encryptionFields(base, { kind: rotated.kind === "SSE-S3" ? "SSE-S3" : "SSE-KMS" }, path),
          ...storageClassField(found.storageClass),
        }),
        options,
      ),
    );
    return "resealed";
  });
}
