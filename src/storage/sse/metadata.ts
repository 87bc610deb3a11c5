/** The encryption of an object as metadata beside it: names, recognition, both directions (S3 reference §5.2). */
import { decodeBase64 } from "../../crypto/base64.js";
import { S3Error } from "../s3-error.js";
import { sseError } from "./errors.js";
import { formatKmsContext, type KmsContext, parseKmsContext } from "./kms-context.js";
import { IV_BYTES, SEALED_KEY_BYTES, type SealedObjectKey, type SseKind } from "./seal.js";

/** The DEK as the key service sealed it. */
export interface SealedDek {
  /** The key that it is sealed under. */
  readonly keyName: string;
  readonly ciphertext: Buffer;
}

interface Common {
  readonly objectKey: SealedObjectKey;
  /** Each part under a key of its own. */
  readonly isMultipart: boolean;
}

/** What is stored of a DEK of the key service. */
export type ManagedDek =
  | { readonly kind: "SSE-S3"; readonly dek: SealedDek }
  | {
      readonly kind: "SSE-KMS";
      readonly dek: SealedDek;
      /** The client's own. */
      readonly context?: KmsContext;
      /** As the client gave it, where that is not the key's name. */
      readonly keyId?: string;
    };

/** How an object is encrypted: all that is stored to open it again. */
export type Encryption = Common & (ManagedDek | { readonly kind: "SSE-C" });

/** Names and values of stored metadata. */
export type StoredMetadata = Readonly<Record<string, string>>;

const INTERNAL = "X-Minio-Internal-";
const SSE = `${INTERNAL}Server-Side-Encryption-`;
const names = {
  iv: `${SSE}Iv`,
  algorithm: `${SSE}Seal-Algorithm`,
  keyName: `${SSE}S3-Kms-Key-Id`,
  sealedDek: `${SSE}S3-Kms-Sealed-Key`,
  context: `${SSE}Context`,
  multipart: `${INTERNAL}Encrypted-Multipart`,
  /** Ours, for a key id that came with its prefix: MinIO leaves out what it does not know. */
  keyId: "X-Keswick-Internal-Kms-Key-Id",
} as const;

/** The entry by which each kind is known, in the order in which they are looked for. */
const marks: readonly (readonly [kind: SseKind, name: string])[] = [
  ["SSE-KMS", `${SSE}Kms-Sealed-Key`],
  ["SSE-S3", `${SSE}S3-Sealed-Key`],
  ["SSE-C", `${SSE}Sealed-Key`],
];

const RESERVED = /^(?:x-amz-meta-)?(?:x-minio-internal-|x-keswick-internal-|x-minio-replication-ssec-crc$)/i;

/** True for a name that no client may set, by itself or behind `x-amz-meta-`. */
export function isReservedName(name: string): boolean {
  return RESERVED.test(name);
}

/** What is not reserved: all that a copy may take over from its source. */
export function withoutReserved(metadata: StoredMetadata): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata).filter(([name]) => !isReservedName(name)));
}

/**
 * The kind by the names alone, without a look at the values: all that a listing needs. `unknown` where entries of
 * encryption are there, but none that tells the kind; undefined for a plain object.
 */
export function encryptionKind(metadata: StoredMetadata): SseKind | "unknown" | undefined {
  return kindOf(foldedOf(metadata));
}

/**
 * Reads how an object is encrypted; undefined for a plain one. The case of names does not matter, for S3 services give
 * them back in lower case.
 * @throws S3Error `SSE_ALTERED` for what is incomplete, unreadable or of unknown kind
 */
export function readEncryption(metadata: StoredMetadata): Encryption | undefined {
  const entries = foldedOf(metadata);
  const kind = kindOf(entries);
  if (kind === undefined) return undefined;
  const mark = marks.find(([each]) => each === kind);
  if (kind === "unknown" || mark === undefined) throw altered("of unknown kind");
  const algorithm = entries.get(fold(names.algorithm));
  if (algorithm !== "DAREv2-HMAC-SHA256" && algorithm !== "DARE-SHA256") throw altered("unknown seal");
  const common: Common = {
    objectKey: {
      algorithm,
      iv: bytesOf(entries, names.iv, IV_BYTES),
      bytes: bytesOf(entries, mark[1], SEALED_KEY_BYTES),
    },
    isMultipart: entries.has(fold(names.multipart)),
  };
  if (kind === "SSE-C") return { kind, ...common };
  const dek = { keyName: textOf(entries, names.keyName), ciphertext: bytesOf(entries, names.sealedDek) };
  if (kind === "SSE-S3") return { kind, ...common, dek };
  const context = entries.get(fold(names.context));
  const keyId = entries.get(fold(names.keyId));
  return {
    ...{ kind, ...common, dek },
    ...(context === undefined ? {} : { context: storedContext(context) }),
    ...(keyId === undefined ? {} : { keyId }),
  };
}

/** The entries to store; {@link readEncryption} undoes it. */
export function writeEncryption(encryption: Encryption): Record<string, string> {
  const { kind, objectKey, isMultipart } = encryption;
  const mark = marks.find(([each]) => each === kind)?.[1] ?? "";
  return {
    [names.iv]: objectKey.iv.toString("base64"),
    [names.algorithm]: objectKey.algorithm,
    [mark]: objectKey.bytes.toString("base64"),
    ...(kind === "SSE-C"
      ? {}
      : {
          [names.keyName]: encryption.dek.keyName,
          [names.sealedDek]: encryption.dek.ciphertext.toString("base64"),
        }),
    ...(kind === "SSE-KMS" && encryption.context !== undefined
      ? { [names.context]: formatKmsContext(encryption.context) }
      : {}),
    ...(kind === "SSE-KMS" && encryption.keyId !== undefined ? { [names.keyId]: encryption.keyId } : {}),
    ...(isMultipart ? { [names.multipart]: "" } : {}),
  };
}

type Entries = ReadonlyMap<string, string>;

/** Lower case, and without what S3 services have user metadata begin with. */
function fold(name: string): string {
  return name.toLowerCase().replace(/^x-amz-meta-/, "");
}

function foldedOf(metadata: StoredMetadata): Entries {
  const entries = new Map<string, string>();
  for (const [name, value] of Object.entries(metadata)) {
    if (!isReservedName(name)) continue;
    const folded = fold(name);
    if (entries.has(folded) && entries.get(folded) !== value) throw altered("an entry twice");
    entries.set(folded, value);
  }
  return entries;
}

function kindOf(entries: Entries): SseKind | "unknown" | undefined {
  const mark = marks.find(([, name]) => entries.has(fold(name)));
  if (mark !== undefined) return mark[0];
  const isTrace = (name: string): boolean => name.startsWith(fold(SSE)) || name === fold(names.multipart);
  return [...entries.keys()].some(isTrace) ? "unknown" : undefined;
}

function textOf(entries: Entries, name: string): string {
  const text = entries.get(fold(name));
  if (!text) throw altered(`${name} is missing`);
  return text;
}

function bytesOf(entries: Entries, name: string, size?: number): Buffer {
  const bytes = decodeBase64(textOf(entries, name));
  if (bytes === undefined || bytes.length === 0 || (size !== undefined && bytes.length !== size)) {
    throw altered(`${name} is not valid`);
  }
  return bytes;
}

function storedContext(text: string): KmsContext {
  try {
    return parseKmsContext(text);
  } catch (cause) {
    if (cause instanceof S3Error) throw altered(`${names.context} is not valid`);
    throw cause;
  }
}

function altered(reason: string): S3Error {
  return sseError("SSE_ALTERED", { cause: new Error(reason) });
}
