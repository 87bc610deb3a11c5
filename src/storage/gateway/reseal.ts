/** An object's key sealed anew: the back end copies the object onto itself with other metadata. */
import type { Resealed } from "../objects/object-service.js";
import { s3Error } from "../s3/errors.js";
import type { ManagedRequest } from "../sse/encryption.js";
import { sseError } from "../sse/errors.js";
import { rotateEncryption, rotationPairings } from "../sse/rotate.js";
import type { ObjectPath } from "../sse/seal.js";
import type { GatewayBase } from "./base.js";
import { keptSealed } from "./copy-in-place.js";
import { copyRaw } from "./copy-raw.js";
import { findObject } from "./found-object.js";
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
    if (sealed === undefined) {
      throw s3Error("NOT_IMPLEMENTED", { cause: new Error("parts of unequal sizes") });
    }
    if (!(await base.copyConditions.areHeld(found))) {
      throw s3Error("NOT_IMPLEMENTED", { cause: new Error("the back end holds copies to no conditions") });
    }
    const rotated = await rotateEncryption(encryption, {
      ...{ to, path, keys, random },
      ...(signal === undefined ? {} : { signal }),
    });
    if (rotated === undefined) return "plain";
    const { headers, storageClass } = found;
    const same = { path, headers, conditions: {}, ...(storageClass === undefined ? {} : { storageClass }) };
    const request = { ...same, ...(signal === undefined ? {} : { signal }) };
    const kind = rotated.kind === "SSE-S3" ? "SSE-S3" : "SSE-KMS";
    await copyRaw(base, request, found, { kind }, { ...sealed, encryption: rotated });
    return "resealed";
  });
}
