/** Renewing a certificate: the same key, subject, names and usages, and so the same identity, for a new time. */
import { type KeyObject, X509Certificate } from "node:crypto";
import { CertificateError, identityOfCertificate, subjectOfCertificate } from "./certificate.js";
import { type DerElement, DerError, DerReader, readOnly, TAG } from "./der.js";
import * as der from "./der-writer.js";
import { serialNumber, signatureAlgorithm, signed, validity } from "./signing.js";

/** How a certificate is to be renewed. */
export interface Renewal {
  /** The certificate's own private key when it is self-signed, otherwise its issuer's. */
  readonly signer: KeyObject;
  /** DER of the issuer's certificate; absent for a self-signed one. */
  readonly issuer?: Uint8Array;
  /** Milliseconds since the epoch, whole seconds are kept; as `notAfterMs`. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/**
 * A certificate that differs from `certificate` (DER) in serial number, validity and signature alone. Everything else
 * is taken over bit for bit, extensions unknown here included; two kinds of extension that would be wrong are left out.
 * @returns DER
 * @throws CertificateError when `certificate` is none, or the result would not be its holder's
 */
export function renewCertificate(certificate: Uint8Array, renewal: Renewal): Uint8Array {
  const { signer, issuer, notBeforeMs, notAfterMs } = renewal;
  const old = guarded(() => read(certificate));
  const algorithm = signatureAlgorithm(signer);
  const body = der.sequence(
    ...old.version.map(der.verbatim),
    der.integer(serialNumber()),
    algorithm.identifier(),
    der.verbatim(old.issuer),
    validity(notBeforeMs, notAfterMs),
    der.verbatim(old.subject),
    der.verbatim(old.publicKeyInfo),
    ...old.uniqueIds.map(der.verbatim),
    ...extensionsOf(old.extensions),
  );
  const renewed = signed(body, algorithm, signer);
  assertSameHolder(certificate, renewed, issuer ?? renewed);
  return renewed;
}

/** True when `certificate` (DER) was signed by its own key. @throws CertificateError */
export function isSelfSigned(certificate: Uint8Array): boolean {
  return wasIssuedBy(certificate, certificate);
}

/** True when `issuer` is named in `certificate` and its key made the signature; both DER. @throws CertificateError */
export function wasIssuedBy(certificate: Uint8Array, issuer: Uint8Array): boolean {
  const named = guarded(() => read(certificate)).issuer.bytes;
  if (Buffer.compare(named, subjectOfCertificate(issuer)) !== 0) return false;
  try {
    return new X509Certificate(certificate).verify(new X509Certificate(issuer).publicKey);
  } catch (cause) {
    throw new CertificateError("certificate is of a kind that cannot be checked", { cause });
  }
}

interface Parts {
  /** Empty for version 1. */
  readonly version: readonly DerElement[];
  readonly issuer: DerElement;
  readonly subject: DerElement;
  readonly publicKeyInfo: DerElement;
  readonly uniqueIds: readonly DerElement[];
  readonly extensions: readonly DerElement[];
}

/** RFC 5280, section 4.1. */
function read(certificate: Uint8Array): Parts {
  const body = new DerReader(
    new DerReader(readOnly(certificate, TAG.SEQUENCE).content).next(TAG.SEQUENCE).content,
  );
  const optional = (tag: number): DerElement[] => {
    const element = body.optional(tag);
    return element === undefined ? [] : [element];
  };
  const version = optional(0xa0);
  body.next(TAG.INTEGER); // serial number
  body.next(TAG.SEQUENCE); // signature algorithm
  const issuer = body.next(TAG.SEQUENCE);
  body.next(TAG.SEQUENCE); // validity
  const subject = body.next(TAG.SEQUENCE);
  const publicKeyInfo = body.next(TAG.SEQUENCE);
  const uniqueIds = [...optional(0x81), ...optional(0x82)];
  const extensions: DerElement[] = [];
  for (const wrapper of optional(0xa3)) {
    const list = new DerReader(readOnly(wrapper.content, TAG.SEQUENCE).content);
    while (!list.atEnd) extensions.push(list.next(TAG.SEQUENCE));
  }
  body.end();
  return { version, issuer, subject, publicKeyInfo, uniqueIds, extensions };
}

// Content octets of object identifiers, in hex.
const AUTHORITY_KEY_ID = "551d23";
// 1.3.6.1.4.1.11129.2.4.2 and .3: receipts and marks of certificate transparency, made for one certificate alone.
const TRANSPARENCY = new Set(["2b06010401d679020402", "2b06010401d679020403"]);

function extensionsOf(extensions: readonly DerElement[]): der.Node[] {
  const kept = extensions.filter((extension) => guarded(() => staysTrue(extension)));
  return kept.length === 0 ? [] : [der.explicit(3, der.sequence(...kept.map(der.verbatim)))];
}

function staysTrue(extension: DerElement): boolean {
  const reader = new DerReader(extension.content);
  const id = Buffer.from(reader.next(TAG.OID).content).toString("hex");
  if (TRANSPARENCY.has(id)) return false;
  if (id !== AUTHORITY_KEY_ID) return true;
  reader.optional(TAG.BOOLEAN);
  // The hash of the issuer's key holds on; its serial number changes when a self-signed certificate is renewed.
  const names = new DerReader(readOnly(reader.next(TAG.OCTET_STRING).content, TAG.SEQUENCE).content);
  names.optional(0x80);
  return names.atEnd;
}

/** The last look before a working certificate is replaced. */
function assertSameHolder(old: Uint8Array, renewed: Uint8Array, issuer: Uint8Array): void {
  const isSame =
    identityOfCertificate(old) === identityOfCertificate(renewed) &&
    Buffer.compare(subjectOfCertificate(old), subjectOfCertificate(renewed)) === 0 &&
    wasIssuedBy(renewed, issuer);
  if (!isSame) throw new CertificateError("the renewed certificate would not be its holder's");
}

function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof DerError) {
      throw new CertificateError(`invalid certificate: ${cause.message}`, { cause });
    }
    throw cause;
  }
}
