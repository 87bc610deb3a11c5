/**
 * Makes X.509 v3 certificates by the template of KES reference §7.3.
 *
 * node-forge writes the DER; keys and signatures are `node:crypto`'s, because node-forge alone signs with
 * nothing but RSA and identities are Ed25519 or ECDSA.
 */
import { createPublicKey, type KeyObject } from "node:crypto";
import { isIP } from "node:net";
import { CertificateError, subjectOfCertificate } from "./certificate.js";
import * as der from "./der-writer.js";
import { toPem } from "./pem.js";
import { serialNumber, signatureAlgorithm, signed, validity } from "./signing.js";

/** What the holder of a certificate may be: the extended key usages. */
export type CertificateUsage = "clientAuth" | "serverAuth";

/** The certificate that is wanted. */
export interface CertificateRequest {
  /** The subject's common name, 1 to 64 characters (RFC 5280, ub-common-name). */
  readonly commonName: string;
  /** The subject's key; the public half is enough when there is an issuer. */
  readonly key: KeyObject;
  /** Who signs; absent: self-signed by `key`. */
  readonly issuer?: CertificateIssuer;
  /** Milliseconds since the epoch, whole seconds are kept; as `notAfterMs`. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Subject alternative names. */
  readonly dns?: readonly string[];
  /** Subject alternative names, textual IPv4 or IPv6. */
  readonly ip?: readonly string[];
  readonly usages?: readonly CertificateUsage[];
  /** basicConstraints `cA=TRUE`, and a key usage that may sign certificates. */
  readonly isCa?: boolean;
}

export interface CertificateIssuer {
  /** DER. */
  readonly certificate: Uint8Array;
  readonly key: KeyObject;
}

/**
 * Makes and signs a certificate with a random serial number.
 * @returns DER
 * @throws CertificateError for a request that no certificate can hold
 */
export function issueCertificate(request: CertificateRequest): Uint8Array {
  const { commonName, key, issuer, notBeforeMs, notAfterMs } = request;
  if (commonName.length < 1 || commonName.length > 64) {
    throw new CertificateError("common name must have 1 to 64 characters");
  }
  const signer = issuer?.key ?? key;
  const algorithm = signatureAlgorithm(signer);
  const subject = name(commonName);
  const publicKey = key.type === "public" ? key : createPublicKey(key);

  const body = der.sequence(
    der.explicit(0, der.integer(Uint8Array.of(2))),
    der.integer(serialNumber()),
    algorithm.identifier(),
    issuer ? der.parsed(subjectOfCertificate(issuer.certificate)) : subject,
    validity(notBeforeMs, notAfterMs),
    subject,
    der.parsed(publicKey.export({ type: "spki", format: "der" })),
    der.explicit(3, der.sequence(...extensions(request))),
  );
  return signed(body, algorithm, signer);
}

/** DER as PEM block `CERTIFICATE`. */
export function certificatePem(certificate: Uint8Array): string {
  return toPem("CERTIFICATE", certificate);
}

function extensions(request: CertificateRequest): der.Node[] {
  const { isCa = false, usages = [], dns = [], ip = [] } = request;
  // Key usage bits from the left: digitalSignature 0, keyCertSign 5, cRLSign 6.
  const keyUsage = isCa ? der.bitString(Uint8Array.of(0x86), 1) : der.bitString(Uint8Array.of(0x80), 7);
  const list = [
    extension("2.5.29.15", keyUsage, true),
    // cA=FALSE is the default, which DER leaves out.
    extension("2.5.29.19", isCa ? der.sequence(der.boolean(true)) : der.sequence(), true),
  ];
  if (usages.length > 0)
    list.push(extension("2.5.29.37", der.sequence(...usages.map((usage) => der.oid(USAGES[usage])))));
  const names = [...dns.map(dnsName), ...ip.map(ipName)];
  if (names.length > 0) list.push(extension("2.5.29.17", der.sequence(...names)));
  return list;
}

const USAGES: Readonly<Record<CertificateUsage, string>> = {
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
};

function dnsName(text: string): der.Node {
  if (!isDnsName(text)) throw new CertificateError(`'${text}' is not a valid DNS name`);
  return der.implicit(2, Buffer.from(text, "latin1"));
}

/** True for what may stand as DNS name in a certificate; the first label may be `*`. */
export function isDnsName(text: string): boolean {
  return (
    text.length <= 253 &&
    /^(?:\*\.)?(?:[A-Za-z0-9_][A-Za-z0-9_-]{0,62}\.)*[A-Za-z0-9_][A-Za-z0-9_-]{0,62}$/.test(text)
  );
}

/** True for a textual IPv4 or IPv6 address without zone. */
export function isIpAddress(text: string): boolean {
  return isIP(text) !== 0 && !text.includes("%");
}

function ipName(text: string): der.Node {
  return der.implicit(7, ipBytes(text));
}

/** 4 or 16 bytes. @throws CertificateError */
function ipBytes(text: string): Uint8Array {
  if (!isIpAddress(text)) throw new CertificateError(`'${text}' is not a valid IP address`);
  if (isIP(text) === 4) return Uint8Array.from(text.split("."), Number);
  // The URL parser knows every spelling of IPv6 and gives the one form: `[2001:db8::1]`.
  const canonical = new URL(`http://[${text}]/`).hostname.slice(1, -1);
  const [head = "", tail] = canonical.split("::");
  const groups = (part: string | undefined): number[] =>
    part ? part.split(":").map((group) => Number.parseInt(group, 16)) : [];
  const left = groups(head);
  const right = groups(tail);
  const all = [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right];
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}

function name(commonName: string): der.Node {
  return der.sequence(der.set(der.sequence(der.oid("2.5.4.3"), der.utf8(commonName))));
}

function extension(id: string, value: der.Node, critical = false): der.Node {
  const bytes = der.octetString(der.encode(value));
  return critical ? der.sequence(der.oid(id), der.boolean(true), bytes) : der.sequence(der.oid(id), bytes);
}
