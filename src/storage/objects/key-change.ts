/** What becomes of an object's key when the object is copied onto itself. */

import type { RandomSource } from "../../crypto/random.js";
import { KesError } from "../../errors.js";
import type { KeyService } from "../keys/key-service.js";
import { type ManagedRequest, managedDek, openEncryption } from "../sse/encryption.js";
import { sseError } from "../sse/errors.js";
import { formatKmsContext } from "../sse/kms-context.js";
import type { Encryption } from "../sse/metadata.js";
import type { ObjectKey } from "../sse/object-key.js";
import { keyNameOfId, type RequestedEncryption, type SseRequest } from "../sse/request.js";
import { rotateCustomerKey } from "../sse/rotate.js";
import { type ObjectPath, sealObjectKey } from "../sse/seal.js";

/** Nothing, another seal, or a new key and so new content. */
export type KeyChange = "keep" | "reseal" | "rewrite";

/** @param wanted - how the copy is to be encrypted, as request, bucket and server decide */
export function keyChange(
  keys: KeyService | undefined,
  sse: SseRequest,
  encryption: Encryption | undefined,
  wanted: RequestedEncryption | undefined,
): KeyChange {
  if (encryption?.kind !== wanted?.kind) return "rewrite";
  if (encryption === undefined || wanted === undefined) return "keep";
  // Said on purpose: even the same is a change, a new seal under the key as it is today.
  if (sse.target !== undefined || wanted.kind === "SSE-C" || encryption.kind === "SSE-C") return "reseal";
  const keyId = wanted.kind === "SSE-KMS" ? wanted.keyId : undefined;
  const isSameKey = encryption.dek.keyName === (keyNameOfId(keyId) ?? keys?.defaultKey);
  return isSameKey && contextOf(encryption) === contextOf(wanted) ? "keep" : "reseal";
}

function contextOf(encryption: Encryption | RequestedEncryption): string | undefined {
  const context = encryption.kind === "SSE-KMS" ? encryption.context : undefined;
  return context === undefined ? undefined : formatKmsContext(context);
}

export interface SealParts {
  readonly keys: KeyService | undefined;
  readonly random: RandomSource;
}

/**
 * The object's key under another seal of its kind: of the older one nothing is taken over. One `decrypt` and one
 * `generate`, or nothing for SSE-C.
 * @throws S3Error `SSE_C_SOURCE_KEY_NEEDED`, and those of `rotateCustomerKey`, `openEncryption` and `managedDek`
 */
export async function resealed(
  { keys, random }: SealParts,
  { path, sse, signal }: { path: ObjectPath; sse: SseRequest; signal?: AbortSignal },
  encryption: Encryption,
  wanted: RequestedEncryption,
): Promise<Encryption> {
  if (encryption.kind === "SSE-C" && wanted.kind === "SSE-C") {
    if (sse.source === undefined) throw sseError("SSE_C_SOURCE_KEY_NEEDED");
    return rotateCustomerKey(encryption, { from: sse.source, to: wanted.key, path, random });
  }
  if (encryption.kind === "SSE-C" || wanted.kind === "SSE-C") {
    throw new KesError("INTERNAL", [], { cause: new Error("not a pair of kinds that is sealed anew") });
  }
  const key = await openEncryption(encryption, {
    ...{ path, keys, use: "copy-source" },
    ...(signal === undefined ? {} : { signal }),
  });
  try {
    return await sealAs({ keys, random }, key, wanted, {
      ...{ path, isMultipart: encryption.isMultipart, signal },
    });
  } finally {
    key.wipe();
  }
}

/** An open key under a fresh DEK, exactly as it is asked for. */
async function sealAs(
  { keys, random }: SealParts,
  key: ObjectKey,
  { kind, keyId, context }: ManagedRequest,
  { path, isMultipart, signal }: { path: ObjectPath; isMultipart: boolean; signal: AbortSignal | undefined },
): Promise<Encryption> {
  if (keys === undefined) throw sseError("KMS_NOT_CONFIGURED");
  const request: ManagedRequest = {
    kind,
    ...(keyId === undefined ? {} : { keyId }),
    ...(context && { context }),
  };
  const { dek, stored } = await managedDek(request, path, keys, signal);
  try {
    return { ...stored, objectKey: sealObjectKey(key, dek, kind, path, random), isMultipart };
  } finally {
    dek.fill(0);
  }
}
