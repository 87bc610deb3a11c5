/** The signed envelope of a certificate: serial number, algorithm, validity, signature (RFC 5280, section 4.1.1). */
import { type KeyObject, randomBytes, sign } from "node:crypto";
import { CertificateError } from "./certificate.js";
import * as der from "./der-writer.js";

// What UTCTime and GeneralizedTime can say.
const EARLIEST_MS = Date.UTC(1950, 0, 1);
const LATEST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** 16 bytes, 126 of their bits random; positive and minimal as RFC 5280, section 4.1.2.2, asks. */
export function serialNumber(): Uint8Array {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes;
}

/** How a key signs. */
export interface SignatureAlgorithm {
  readonly identifier: () => der.Node;
  /** As `crypto.sign` wants it; null where the algorithm fixes its own. */
  readonly hash: string | null;
}

/** @throws CertificateError for a key of a kind that signs no certificate here */
export function signatureAlgorithm(key: KeyObject): SignatureAlgorithm {
  const curve = key.asymmetricKeyDetails?.namedCurve;
  switch (key.asymmetricKeyType) {
    case "ed25519":
      return { identifier: () => der.sequence(der.oid("1.3.101.112")), hash: null };
    case "ec":
      if (curve === "secp384r1")
        return { identifier: () => der.sequence(der.oid("1.2.840.10045.4.3.3")), hash: "sha384" };
      return { identifier: () => der.sequence(der.oid("1.2.840.10045.4.3.2")), hash: "sha256" };
    case "rsa":
      // RFC 4055: the parameters of sha256WithRSAEncryption are NULL, not absent.
      return { identifier: () => der.sequence(der.oid("1.2.840.113549.1.1.11"), der.nil()), hash: "sha256" };
    default:
      throw new CertificateError("only RSA, ECDSA and Ed25519 keys can sign a certificate");
  }
}

/** @param notBeforeMs - milliseconds since the epoch, as `notAfterMs`. @throws CertificateError for what no certificate can say */
export function validity(notBeforeMs: number, notAfterMs: number): der.Node {
  if (!(EARLIEST_MS <= notBeforeMs && notAfterMs <= LATEST_MS)) {
    throw new CertificateError("certificate dates must lie between 1950 and 9999");
  }
  if (notBeforeMs > notAfterMs) throw new CertificateError("certificate would end before it begins");
  return der.sequence(der.time(notBeforeMs), der.time(notAfterMs));
}

/** @param body - the TBSCertificate, which must name the same algorithm. @returns the certificate, DER */
export function signed(body: der.Node, algorithm: SignatureAlgorithm, signer: KeyObject): Uint8Array {
  const signature = sign(algorithm.hash, der.encode(body), signer);
  return der.encode(der.sequence(body, algorithm.identifier(), der.bitString(signature)));
}
