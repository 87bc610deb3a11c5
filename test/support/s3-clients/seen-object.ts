/** An object as the server itself has it: what stands in the store, whatever a client says of it. */
import type { DirectoryStore } from "../../../src/storage/store/directory-store.js";

export const allKinds = ["none", "SSE-S3", "SSE-KMS", "SSE-C"] as const;
export type Kind = (typeof allKinds)[number];

export interface SeenObject {
  /** By the entry that holds the sealed key; by no entry at all for `none`. */
  readonly kind: Kind;
  /** Of the key service. */
  readonly keyName: string | undefined;
  /** Bytes of the plaintext, where the place knows it. */
  readonly size: number | undefined;
  /** As they rest on disk, or in the back end. */
  readonly content: Buffer;
}

const SSE = "x-minio-internal-server-side-encryption-";
/** The same in the user metadata of a gateway's back end. */
const AT_BACK_END = "keswick-sealed-sse-";
const marks: readonly (readonly [Kind, string])[] = [
  ["SSE-KMS", `${SSE}kms-sealed-key`],
  ["SSE-S3", `${SSE}s3-sealed-key`],
  ["SSE-C", `${SSE}sealed-key`],
];

/** What stands beside an object (S3 reference §5.2), whatever the case of its names. */
export function kindOf(metadata: Readonly<Record<string, string>>): Pick<SeenObject, "kind" | "keyName"> {
  const names = new Map(
    Object.entries(metadata).map(([name, value]) => [name.toLowerCase().replace(AT_BACK_END, SSE), value]),
  );
  const found = marks.find(([, name]) => names.has(name));
  const internal = [...names.keys()].filter((name) => name.startsWith(SSE));
  if (found === undefined && internal.length > 0) throw new Error(`no kind has ${internal.join(", ")}`);
  return { kind: found?.[0] ?? "none", keyName: names.get(`${SSE}s3-kms-key-id`) };
}

/** @returns undefined when there is no such object */
export async function seenInStore(
  store: DirectoryStore,
  bucket: string,
  key: string,
): Promise<SeenObject | undefined> {
  const held = await store.hold(bucket, key);
  if (held === undefined) return undefined;
  try {
    const pieces: Buffer[] = [];
    for await (const piece of held.read(0, held.storedSize)) pieces.push(Buffer.from(piece));
    return {
      ...kindOf(held.record.encryption),
      size: held.record.size,
      content: Buffer.concat(pieces),
    };
  } finally {
    held.release();
  }
}

/** What an answer of AWS's SDKs says of an object's encryption. */
export function toldKind(told: {
  readonly ServerSideEncryption?: string | undefined;
  readonly SSECustomerAlgorithm?: string | undefined;
}): Kind {
  if (told.SSECustomerAlgorithm === "AES256") return "SSE-C";
  if (told.ServerSideEncryption === undefined) return "none";
  if (told.ServerSideEncryption === "AES256") return "SSE-S3";
  if (told.ServerSideEncryption === "aws:kms") return "SSE-KMS";
  throw new Error(`nobody knows the encryption '${told.ServerSideEncryption}'`);
}
