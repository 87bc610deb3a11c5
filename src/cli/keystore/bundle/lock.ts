/** What a bundle is locked with, and the 32 bytes that come of it: a passphrase by scrypt, or a recipient by X25519. */
import { createPublicKey, diffieHellman, generateKeyPairSync, type KeyObject, scrypt } from "node:crypto";
import type { RandomSource } from "../../../crypto/random.js";
import { CommandError } from "../../command.js";
import { type BundleLock, type ScryptCost, type SealedBundleHeader, sealBundleHeader } from "./header.js";

const SECRET_BYTES = 32;

/** Makes the head of one more bundle; the cost of a passphrase is paid for each. */
export type Locksmith = () => Promise<SealedBundleHeader>;

export function passphraseLock(passphrase: string, random: RandomSource, cost: ScryptCost): Locksmith {
  return async () => {
    const lock = { kind: "passphrase", cost, salt: random(32) } as const;
    return sealed(lock, await passphraseSecret(passphrase, lock));
  };
}

/** @param recipient - an X25519 public key */
export function recipientLock(recipient: KeyObject): Locksmith {
  return async () => {
    // One pair for each bundle: without the recipient's private key nobody opens it, not even who made it.
    const { publicKey, privateKey } = generateKeyPairSync("x25519");
    const lock = {
      kind: "recipient",
      recipient: rawPublic(recipient),
      ephemeral: rawPublic(publicKey),
    } as const;
    return sealed(lock, diffieHellman({ privateKey, publicKey: recipient }));
  };
}

/** The secret behind a lock. @throws CommandError when `privateKey` is not the recipient's */
export function recipientSecret(
  privateKey: KeyObject,
  lock: Extract<BundleLock, { kind: "recipient" }>,
  file: string,
): Buffer {
  const own = isX25519(privateKey) ? rawPublic(createPublicKey(privateKey)) : undefined;
  if (own === undefined || !own.equals(lock.recipient)) {
    throw new CommandError(`${file} was made for another key than this private key`);
  }
  try {
    return diffieHellman({ privateKey, publicKey: publicOfRaw(lock.ephemeral) });
  } catch (cause) {
    // A point of small order, which gives the same to everybody.
    throw new CommandError(`the header of ${file} was altered`, { cause });
  }
}

export function passphraseSecret(
  passphrase: string,
  { cost, salt }: Extract<BundleLock, { kind: "passphrase" }>,
): Promise<Buffer> {
  const N = 2 ** cost.log2N;
  // Memory by RFC 7914 §2, and some room.
  const options = { N, r: cost.r, p: cost.p, maxmem: 128 * N * cost.r + 64 * 1024 * cost.r * cost.p };
  return new Promise((resolve, reject) => {
    // One spelling for what looks the same, whichever keyboard made it.
    scrypt(passphrase.normalize("NFC"), salt, SECRET_BYTES, options, (error, secret) => {
      if (error === null) resolve(secret);
      else reject(error);
    });
  });
}

export function isX25519(key: KeyObject): boolean {
  return key.asymmetricKeyType === "x25519";
}

function sealed(lock: BundleLock, secret: Buffer): SealedBundleHeader {
  try {
    return sealBundleHeader(lock, secret);
  } finally {
    secret.fill(0);
  }
}

function rawPublic(key: KeyObject): Buffer {
  const { x } = key.export({ format: "jwk" });
  if (x === undefined) throw new TypeError("not a public key of X25519");
  return Buffer.from(x, "base64url");
}

function publicOfRaw(raw: Uint8Array): KeyObject {
  const x = Buffer.from(raw).toString("base64url");
  return createPublicKey({ key: { kty: "OKP", crv: "X25519", x }, format: "jwk" });
}
