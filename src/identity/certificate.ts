/** From a certificate to the identity of its holder (KES reference §7.1, §7.2). */
import { createHash, createPublicKey, type KeyObject } from "node:crypto";
import { type Identity, identity as toIdentity } from "../names.js";
import { type DerElement, DerError, DerReader, readBoolean, readOnly, readTime, TAG } from "./der.js";
import { PemError, pemBlocks } from "./pem.js";
import { PemFileError, readPemFile } from "./pem-file.js";

/** The bytes or the text are no certificate. The only error that this file throws. */
export class CertificateError extends Error {
  override readonly name = "CertificateError";
}

/** What the server wants to know of a certificate. */
export interface CertificateInfo {
  readonly identity: Identity;
  /** basicConstraints says `cA=TRUE`; nothing else makes a CA here. Node's `X509Certificate.ca` weighs more than that. */
  readonly isCa: boolean;
  /** Milliseconds since the epoch, as `notAfterMs`. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** The certificate names at least one DNS name or IP address as subject alternative name. */
  readonly namesHost: boolean;
}

/**
 * The identity: lower-case hex SHA-256 of the subjectPublicKeyInfo exactly as it stands in the certificate.
 * A parsed and re-encoded key would hash differently, for example with a compressed curve point.
 * @throws CertificateError
 */
export function identityOfCertificate(der: Uint8Array): Identity {
  return guarded(() => identityOfPublicKeyInfo(fields(der).publicKeyInfo));
}

/** @throws CertificateError */
export function inspectCertificate(der: Uint8Array): CertificateInfo {
  return guarded(() => {
    const { publicKeyInfo, validity, extensions } = fields(der);
    const times = new DerReader(validity);
    const notBeforeMs = readTime(times.next());
    const notAfterMs = readTime(times.next());
    times.end();
    return {
      identity: identityOfPublicKeyInfo(publicKeyInfo),
      isCa: isCa(extensions.get(BASIC_CONSTRAINTS)),
      notBeforeMs,
      notAfterMs,
      namesHost: namesHost(extensions.get(SUBJECT_ALT_NAME)),
    };
  });
}

/** The subject's Name as it stands: what certificates issued by this one carry as issuer. @throws CertificateError */
export function subjectOfCertificate(der: Uint8Array): Uint8Array {
  return guarded(() => fields(der).subject);
}

/** The identity of a public key, given its DER subjectPublicKeyInfo. */
export function identityOfPublicKeyInfo(publicKeyInfo: Uint8Array): Identity {
  const hash = toIdentity(createHash("sha256").update(publicKeyInfo).digest("hex"));
  if (hash === undefined) throw new CertificateError("SHA-256 gave no identity");
  return hash;
}

/** The identity of a key, given either half of the pair. */
export function identityOfKey(key: KeyObject): Identity {
  const publicKey = key.type === "public" ? key : createPublicKey(key);
  return identityOfPublicKeyInfo(publicKey.export({ type: "spki", format: "der" }));
}

/**
 * The DER of every certificate in `text`, first first; at least one.
 * @throws CertificateError when there is none, or a block of another kind
 */
export function certificatesOfPem(text: string): [Uint8Array, ...Uint8Array[]] {
  return guarded(() => {
    const blocks = pemBlocks(text);
    if (blocks.some((block) => block.label !== "CERTIFICATE")) {
      throw new CertificateError("unsupported PEM data block: only certificates are expected");
    }
    const [first, ...rest] = blocks.map((block) => block.bytes);
    if (first === undefined) throw new CertificateError("no PEM-encoded certificate found");
    return [first, ...rest];
  });
}

/** {@link certificatesOfPem} of a file. @throws CertificateError also when it cannot be read; the caller adds the name */
export async function certificatesOfPemFile(file: string): Promise<[Uint8Array, ...Uint8Array[]]> {
  let text: string;
  try {
    text = await readPemFile(file);
  } catch (cause) {
    if (cause instanceof PemFileError) throw new CertificateError(cause.message, { cause });
    throw cause;
  }
  return certificatesOfPem(text);
}

// Content octets of the object identifiers 2.5.29.19 and 2.5.29.17, in hex.
const BASIC_CONSTRAINTS = "551d13";
const SUBJECT_ALT_NAME = "551d11";

interface Fields {
  readonly validity: Uint8Array;
  readonly subject: Uint8Array;
  readonly publicKeyInfo: Uint8Array;
  /** Hex of the object identifier → DER of the value. */
  readonly extensions: ReadonlyMap<string, Uint8Array>;
}

/** RFC 5280, section 4.1. */
function fields(der: Uint8Array): Fields {
  const certificate = new DerReader(readOnly(der, TAG.SEQUENCE).content);
  const body = new DerReader(certificate.next(TAG.SEQUENCE).content);
  certificate.next(TAG.SEQUENCE);
  certificate.next(TAG.BIT_STRING);
  certificate.end();

  body.optional(0xa0); // version
  body.next(TAG.INTEGER); // serial number
  body.next(TAG.SEQUENCE); // signature algorithm
  body.next(TAG.SEQUENCE); // issuer
  const validity = body.next(TAG.SEQUENCE).content;
  const subject = body.next(TAG.SEQUENCE).bytes;
  const publicKeyInfo = body.next(TAG.SEQUENCE);
  body.optional(0x81); // issuer's unique id
  body.optional(0x82); // subject's unique id
  const extensions = readExtensions(body.optional(0xa3));
  body.end();

  const key = new DerReader(publicKeyInfo.content);
  key.next(TAG.SEQUENCE);
  key.next(TAG.BIT_STRING);
  key.end();
  return { validity, subject, publicKeyInfo: publicKeyInfo.bytes, extensions };
}

function readExtensions(wrapper: DerElement | undefined): Map<string, Uint8Array> {
  const extensions = new Map<string, Uint8Array>();
  if (wrapper === undefined) return extensions;
  const list = new DerReader(readOnly(wrapper.content, TAG.SEQUENCE).content);
  while (!list.atEnd) {
    const extension = new DerReader(list.next(TAG.SEQUENCE).content);
    const id = Buffer.from(extension.next(TAG.OID).content).toString("hex");
    const critical = extension.optional(TAG.BOOLEAN);
    if (critical !== undefined) readBoolean(critical);
    const value = extension.next(TAG.OCTET_STRING).content;
    extension.end();
    // With two basicConstraints, one reader would see a CA where another sees a leaf.
    if (extensions.has(id)) throw new DerError("duplicate extension");
    extensions.set(id, value);
  }
  return extensions;
}

function isCa(value: Uint8Array | undefined): boolean {
  if (value === undefined) return false;
  const constraints = new DerReader(readOnly(value, TAG.SEQUENCE).content);
  const ca = constraints.optional(TAG.BOOLEAN);
  constraints.optional(TAG.INTEGER); // path length
  constraints.end();
  return ca !== undefined && readBoolean(ca);
}

function namesHost(value: Uint8Array | undefined): boolean {
  if (value === undefined) return false;
  const names = new DerReader(readOnly(value, TAG.SEQUENCE).content);
  let found = false;
  while (!names.atEnd) {
    const { tag, content } = names.next();
    // [2] dNSName, [7] iPAddress.
    found ||= (tag === 0x82 || tag === 0x87) && content.length > 0;
  }
  return found;
}

function guarded<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof DerError || cause instanceof PemError) {
      throw new CertificateError(`invalid certificate: ${cause.message}`, { cause });
    }
    throw cause;
  }
}
