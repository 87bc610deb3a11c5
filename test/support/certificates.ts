/** Keys and certificates for tests, made in the process: no openssl, no files. */
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { inspectCertificate } from "../../src/identity/certificate.js";
import {
  type CertificateIssuer,
  type CertificateUsage,
  certificatePem,
  issueCertificate,
} from "../../src/identity/issue.js";
import type { Identity } from "../../src/names.js";

export type TestAlgorithm = "ed25519" | "p256" | "p384" | "rsa";

/** All optional; the default is an Ed25519 leaf for `localhost`, valid from an hour ago for a day, both usages. */
export interface TestCertificateOptions {
  readonly algorithm?: TestAlgorithm;
  readonly cn?: string;
  /** DNS names and IP addresses, told apart by their looks. An empty list leaves the extension out. */
  readonly sans?: readonly string[];
  /** basicConstraints cA=TRUE. */
  readonly ca?: boolean;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly usages?: readonly CertificateUsage[];
  /** A key to certify instead of a new one. */
  readonly key?: KeyObject;
}

export interface TestCertificate {
  readonly certPem: string;
  /** PKCS#8. */
  readonly keyPem: string;
  readonly der: Uint8Array;
  readonly identity: Identity;
  readonly key: KeyObject;
}

const HOUR_MS = 3_600_000;

/** A certificate signed by its own key. */
export function selfSigned(options: TestCertificateOptions = {}): TestCertificate {
  return make(options);
}

/** A self-signed CA. */
export function certificateAuthority(options: TestCertificateOptions = {}): TestCertificate {
  return make({ cn: "Test CA", sans: [], usages: [], ...options, ca: true });
}

/** A certificate signed by `issuer`; with `ca: true` an intermediate. */
export function issuedBy(issuer: TestCertificate, options: TestCertificateOptions = {}): TestCertificate {
  return make(options, { certificate: issuer.der, key: issuer.key });
}

/** A private key. RSA has 2048 bits, which takes a noticeable part of a second: make it once in a file. */
export function testKey(algorithm: TestAlgorithm = "ed25519"): KeyObject {
  switch (algorithm) {
    case "ed25519":
      return generateKeyPairSync("ed25519").privateKey;
    case "p256":
      return generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
    case "p384":
      return generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey;
    case "rsa":
      return generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
  }
}

function make(options: TestCertificateOptions, issuer?: CertificateIssuer): TestCertificate {
  const { sans = ["localhost", "127.0.0.1", "::1"], ca = false } = options;
  const isIp = (san: string): boolean => san.includes(":") || /^[0-9.]+$/.test(san);
  const key = options.key ?? testKey(options.algorithm);
  const der = issueCertificate({
    commonName: options.cn ?? "test",
    key,
    ...(issuer ? { issuer } : {}),
    notBeforeMs: options.notBefore?.getTime() ?? Date.now() - HOUR_MS,
    notAfterMs: options.notAfter?.getTime() ?? Date.now() + 24 * HOUR_MS,
    dns: sans.filter((san) => !isIp(san)),
    ip: sans.filter(isIp),
    usages: options.usages ?? ["clientAuth", "serverAuth"],
    isCa: ca,
  });
  return {
    certPem: certificatePem(der),
    keyPem: key.export({ type: "pkcs8", format: "pem" }).toString(),
    der,
    identity: inspectCertificate(der).identity,
    key,
  };
}
