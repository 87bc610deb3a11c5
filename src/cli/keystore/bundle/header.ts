/**
 * The head of a key bundle: what opens it (docs/keystore-bundle.md).
 *
 * | Bytes | Content |
 * | --- | --- |
 * | 0–7 | `KESKEYS` and a zero byte |
 * | 8 | version, 1 |
 * | 9 | 1: a passphrase, 2: a recipient's key |
 * | 10.. | passphrase: log2 N (1), r (1), p (1), zero (1), salt (32); recipient: its public key (32), an ephemeral one (32) |
 * | then | header tag (32) |
 */
import { createHash, hkdfSync, timingSafeEqual } from "node:crypto";
import { KEY_BYTES } from "../../../crypto/algorithm.js";
import { CommandError } from "../../command.js";

const MAGIC = Buffer.from("KESKEYS\0", "latin1");
const VERSION = 1;
const FIXED_BYTES = 10;
const TAG_BYTES = 32;
const MODES = { passphrase: 1, recipient: 2 } as const;
const SALT_BYTES = 32;
/** Of X25519. */
const PUBLIC_KEY_BYTES = 32;
const BODY_BYTES = { 1: 4 + SALT_BYTES, 2: 2 * PUBLIC_KEY_BYTES } as const;
/** No head is longer. */
export const MAX_HEADER_BYTES = FIXED_BYTES + BODY_BYTES[2] + TAG_BYTES;

/** Cost of a passphrase: scrypt needs 1 KiB × r/8 × N of memory. */
export interface ScryptCost {
  readonly log2N: number;
  readonly r: number;
  readonly p: number;
}

/** What is written: 128 MiB, about half a second. */
export const SCRYPT_COST: ScryptCost = { log2N: 17, r: 8, p: 1 };
/** What is read: a file must not make its reader take more than 1 GiB, nor pass for one that is hard to guess. */
const LOG2_N_BOUNDS = [15, 20] as const;

export type BundleLock =
  | { readonly kind: "passphrase"; readonly cost: ScryptCost; readonly salt: Uint8Array }
  | { readonly kind: "recipient"; readonly recipient: Uint8Array; readonly ephemeral: Uint8Array };

/** Head and content key, bound to each other. */
export interface SealedBundleHeader {
  readonly bytes: Buffer;
  readonly contentKey: Buffer;
}

export interface ReadBundleHeader {
  readonly lock: BundleLock;
  /** All of it, tag included. */
  readonly bytes: Buffer;
}

/** @param secret - 32 bytes that `lock` gives to whoever can open it */
export function sealBundleHeader(lock: BundleLock, secret: Uint8Array): SealedBundleHeader {
  const fixed = Buffer.alloc(FIXED_BYTES);
  fixed.set(MAGIC);
  fixed.writeUInt8(VERSION, 8);
  fixed.writeUInt8(MODES[lock.kind], 9);
  const body =
    lock.kind === "passphrase"
      ? Buffer.concat([Buffer.from([lock.cost.log2N, lock.cost.r, lock.cost.p, 0]), lock.salt])
      : Buffer.concat([lock.recipient, lock.ephemeral]);
  const described = Buffer.concat([fixed, body]);
  const { tag, contentKey } = keysOf(described, secret);
  return { bytes: Buffer.concat([described, tag]), contentKey };
}

/**
 * Reads the head at the start of `bytes`. Nothing of it is proved before {@link openBundleHeader} has returned.
 * @param file - how messages call the file
 * @throws CommandError
 */
export function parseBundleHeader(bytes: Buffer, file: string): ReadBundleHeader {
  const isOurs = bytes.length > 0 && MAGIC.subarray(0, bytes.length).equals(bytes.subarray(0, MAGIC.length));
  if (!isOurs) throw new CommandError(`${file} is no bundle of keys`);
  const cutShort = new CommandError(`${file} is truncated: its header is not complete`);
  if (bytes.length < FIXED_BYTES) throw cutShort;
  const mode = bytes.readUInt8(9);
  if (bytes.readUInt8(8) !== VERSION || (mode !== MODES.passphrase && mode !== MODES.recipient)) {
    throw new CommandError(
      `${file} is of a format that this version of kes does not know (version ${bytes.readUInt8(8)}, lock ${mode})`,
    );
  }
  const end = FIXED_BYTES + BODY_BYTES[mode] + TAG_BYTES;
  if (bytes.length < end) throw cutShort;
  const body = bytes.subarray(FIXED_BYTES, end - TAG_BYTES);
  const lock: BundleLock =
    mode === MODES.passphrase
      ? { kind: "passphrase", cost: costOf(body, file), salt: body.subarray(4) }
      : {
          kind: "recipient",
          recipient: body.subarray(0, PUBLIC_KEY_BYTES),
          ephemeral: body.subarray(PUBLIC_KEY_BYTES),
        };
  return { lock, bytes: bytes.subarray(0, end) };
}

/** @returns the key of the content @throws CommandError when the secret is not that of this header */
export function openBundleHeader(
  { lock, bytes }: ReadBundleHeader,
  secret: Uint8Array,
  file: string,
): Buffer {
  const end = bytes.length - TAG_BYTES;
  const { tag, contentKey } = keysOf(bytes.subarray(0, end), secret);
  if (timingSafeEqual(tag, bytes.subarray(end))) return contentKey;
  contentKey.fill(0);
  const what = lock.kind === "passphrase" ? "passphrase" : "private key";
  throw new CommandError(`${file} cannot be opened: the ${what} is wrong, or its header was altered`);
}

function costOf(body: Buffer, file: string): ScryptCost {
  const [log2N = 0, r = 0, p = 0, zero = 0] = body;
  const isKnown = r === SCRYPT_COST.r && p === SCRYPT_COST.p && zero === 0;
  if (!isKnown || log2N < LOG2_N_BOUNDS[0] || log2N > LOG2_N_BOUNDS[1]) {
    throw new CommandError(
      `the header of ${file} is damaged: no bundle asks for such a cost of its passphrase`,
    );
  }
  return { log2N, r, p };
}

/** As of encrypted files (docs/file-format.md): both keys belong to this header and to no other. */
function keysOf(
  described: Uint8Array,
  secret: Uint8Array,
): { readonly tag: Buffer; readonly contentKey: Buffer } {
  const digest = createHash("sha256").update(described).digest();
  const derive = (purpose: string, size: number): Buffer => {
    const info = Buffer.concat([Buffer.from(`keswick bundle 1 ${purpose}\0`, "latin1"), digest]);
    return Buffer.from(hkdfSync("sha256", secret, Buffer.alloc(0), info, size));
  };
  return { tag: derive("header", TAG_BYTES), contentKey: derive("content", KEY_BYTES) };
}
