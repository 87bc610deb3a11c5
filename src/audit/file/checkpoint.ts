/** Checkpoints: signatures (Ed25519) over the place that a chain has reached. */
import { createHash, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { type Link, linkOf, membersOf } from "./line.js";

/** Why a checkpoint was made: `close` and `rotation` are the last line of their file. */
export type CheckpointReason = "interval" | "rotation" | "close";

/** What a checkpoint vouches for: every line of `chain` up to `last`, made before `time`. */
export interface Checkpoint {
  /** 32 hex digits. */
  readonly chain: string;
  /** The line before the checkpoint. */
  readonly last: Link;
  /** RFC 3339. */
  readonly time: string;
  readonly reason: CheckpointReason;
  /** Which key signed: {@link keyIdOf}. */
  readonly key: string;
  /** Base64. */
  readonly signature: string;
}

/** Hex SHA-256 of a public key as SPKI, as identities are made. */
export function keyIdOf(key: KeyObject): string {
  return createHash("sha256")
    .update(key.export({ type: "spki", format: "der" }))
    .digest("hex");
}

/** The bytes that are signed: five lines, each with its newline. */
function signedText({ chain, last, time, reason }: Omit<Checkpoint, "key" | "signature">): Buffer {
  return Buffer.from(
    `keswick-audit-checkpoint-v1\n${chain}\n${last.sequence}\n${last.hash}\n${time}\n${reason}\n`,
  );
}

/** Signs checkpoints. */
export class CheckpointSigner {
  readonly keyId: string;
  readonly publicKey: KeyObject;
  readonly #key: KeyObject;

  /** @param key - Ed25519, private */
  constructor(key: KeyObject) {
    this.#key = key;
    this.publicKey = createPublicKey(key);
    this.keyId = keyIdOf(this.publicKey);
  }

  /** The members of a checkpoint's line. */
  members(chain: string, last: Link, time: string, reason: CheckpointReason): string {
    const signature = sign(null, signedText({ chain, last, time, reason }), this.#key).toString("base64");
    const place = `{"seq":${last.sequence},"hash":"${last.hash}"}`;
    return `"type":"checkpoint","time":"${time}","chain":"${chain}","reason":"${reason}","last":${place},"key":"${this.keyId}","signature":"${signature}"`;
  }
}

const REASONS: ReadonlySet<unknown> = new Set<CheckpointReason>(["interval", "rotation", "close"]);

/** What a line says; undefined for what is no checkpoint. */
export function checkpointOf(line: Uint8Array): Checkpoint | undefined {
  const members = membersOf(line);
  const { chain, time, reason, key, signature } = members ?? {};
  const last = linkOf(members?.last);
  const isText = [chain, time, key, signature].every((value) => typeof value === "string");
  if (!isText || !REASONS.has(reason) || last === undefined) return undefined;
  return { chain, last, time, reason, key, signature } as Checkpoint;
}

/** @param key - Ed25519, public */
export function isSignedBy(checkpoint: Checkpoint, key: KeyObject): boolean {
  // Base64 has several spellings of the same bytes; the line's own hash keeps them apart.
  return verify(null, signedText(checkpoint), key, Buffer.from(checkpoint.signature, "base64"));
}
