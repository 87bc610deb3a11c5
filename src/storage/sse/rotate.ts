/** Sealing an object's key anew, under another key or of another kind, without a touch of the content (S3 reference §3.5). */
import type { RandomSource } from "../../crypto/random.js";
import type { KeyService } from "../keys/key-service.js";
import type { CustomerKey } from "./customer-key.js";
import { type ManagedRequest, managedDek, openEncryption } from "./encryption.js";
import { isSseError, sseError } from "./errors.js";
import type { Encryption } from "./metadata.js";
import { type ObjectPath, openObjectKey, type SseKind, sealObjectKey } from "./seal.js";

/**
 * What becomes of an object:
 * - `reseal`: its key is sealed anew in the kind asked for
 * - `reseal-as-is`: likewise, but its kind stays
 * - `skip`: there is nothing to seal
 * - `refuse`: what clients see of it would change (an ETag that is no MD5 would be taken for one)
 * - `rewrite`: only as a copy, for the request does not bring what a seal needs
 */
export type RotationPairing = "reseal" | "reseal-as-is" | "skip" | "refuse" | "rewrite";

/** What is stored → what is asked for. */
export const rotationPairings: Readonly<
  Record<SseKind | "none", Readonly<Record<SseKind, RotationPairing>>>
> = {
  none: { "SSE-C": "skip", "SSE-S3": "skip", "SSE-KMS": "skip" },
  "SSE-C": { "SSE-C": "reseal", "SSE-S3": "rewrite", "SSE-KMS": "rewrite" },
  "SSE-S3": { "SSE-C": "rewrite", "SSE-S3": "reseal", "SSE-KMS": "reseal-as-is" },
  "SSE-KMS": { "SSE-C": "rewrite", "SSE-S3": "refuse", "SSE-KMS": "reseal" },
};

/** Rotation within the key service. */
export interface ManagedRotation {
  /** Without key id: the default key for SSE-S3, the key that it has for SSE-KMS. Without context: the one that it has. */
  readonly to: ManagedRequest;
  readonly path: ObjectPath;
  readonly keys: KeyService;
  readonly random: RandomSource;
  readonly signal?: AbortSignal;
}

/**
 * The object's encryption with its key under a fresh DEK; parts, content and ETags stay valid. One `decrypt` and one
 * `generate`.
 *
 * @returns to be stored in place of the old entries in one step; undefined where there is nothing to do
 * @throws S3Error `SSE_ROTATION_REFUSED` as {@link rotationPairings} says, else as `openEncryption`
 */
export async function rotateEncryption(
  encryption: Encryption | undefined,
  { to, path, keys, random, signal }: ManagedRotation,
): Promise<Encryption | undefined> {
  const pairing = rotationPairings[encryption?.kind ?? "none"][to.kind];
  if (encryption === undefined || pairing === "skip") return undefined;
  if ((pairing !== "reseal" && pairing !== "reseal-as-is") || encryption.kind === "SSE-C") {
    throw sseError("SSE_ROTATION_REFUSED");
  }
  const key = await openEncryption(encryption, { path, keys, use: "read", ...(signal ? { signal } : {}) });
  try {
    const { dek, stored } = await managedDek(requestFor(encryption, to), path, keys, signal);
    try {
      const objectKey = sealObjectKey(key, dek, stored.kind, path, random);
      return { ...stored, objectKey, isMultipart: encryption.isMultipart };
    } finally {
      dek.fill(0);
    }
  } finally {
    key.wipe();
  }
}

function requestFor(encryption: Exclude<Encryption, { kind: "SSE-C" }>, to: ManagedRequest): ManagedRequest {
  const { keyId, context } = to;
  if (encryption.kind === "SSE-S3") return { kind: "SSE-S3", ...(keyId === undefined ? {} : { keyId }) };
  const kept = context ?? encryption.context;
  return {
    kind: "SSE-KMS",
    keyId: keyId ?? encryption.keyId ?? encryption.dek.keyName,
    ...(kept === undefined ? {} : { context: kept }),
  };
}

/** Rotation of a client's key: a copy of an object onto itself. */
export interface CustomerRotation {
  /** Of the copy-source headers. */
  readonly from: CustomerKey;
  readonly to: CustomerKey;
  readonly path: ObjectPath;
  readonly random: RandomSource;
}

/**
 * The same under another key of the client. The iv is kept, as in MinIO; a seal of the older kind becomes one of today's.
 * @throws S3Error `SSE_C_KEY_WRONG`, or `SSE_C_SAME_KEY_WRONG` when both keys are the same; `SSE_ROTATION_REFUSED` for an
 *   object of another kind
 */
export function rotateCustomerKey(
  encryption: Encryption,
  { from, to, path, random }: CustomerRotation,
): Encryption {
  if (encryption.kind !== "SSE-C") throw sseError("SSE_ROTATION_REFUSED");
  const { objectKey } = encryption;
  try {
    const key = from.use((dek) => openObjectKey(objectKey, dek, "SSE-C", path));
    try {
      return {
        ...encryption,
        objectKey: to.use((dek) => sealObjectKey(key, dek, "SSE-C", path, random, objectKey.iv)),
      };
    } finally {
      key.wipe();
    }
  } catch (cause) {
    if (isSseError(cause, "SSE_C_KEY_WRONG") && from.equals(to)) throw sseError("SSE_C_SAME_KEY_WRONG");
    throw cause;
  }
}
