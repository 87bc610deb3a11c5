import { createPublicKey, X509Certificate } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import {
  CertificateError,
  certificatesOfPem,
  inspectCertificate,
} from "../../../src/identity/certificate.js";
import { certificatePem } from "../../../src/identity/issue.js";
import { privateKeyOfPem } from "../../../src/identity/private-key.js";
import { isSelfSigned, renewCertificate, wasIssuedBy } from "../../../src/identity/renew.js";
import {
  certificateAuthority,
  issuedBy,
  selfSigned,
  type TestAlgorithm,
} from "../../support/certificates.js";
import { runOk } from "../../support/child-process.js";
import { requireService } from "../../support/services/index.js";

const YEAR = {
  notBeforeMs: Date.parse("2031-01-01T00:00:00Z"),
  notAfterMs: Date.parse("2032-01-01T00:00:00Z"),
};
const ALGORITHMS: readonly TestAlgorithm[] = ["ed25519", "p256", "p384", "rsa"];

describe("identity/renew", () => {
  for (const algorithm of ALGORITHMS) {
    it(`keeps all of a self-signed ${algorithm} certificate but time, serial number and signature`, () => {
      const old = selfSigned({ algorithm, cn: "Ünïcode, Inc." });
      const renewed = renewCertificate(old.der, { signer: old.key, ...YEAR });
      const info = inspectCertificate(renewed);
      expect(info).to.deep.equal({ ...inspectCertificate(old.der), ...YEAR });
      const [before, after] = [new X509Certificate(old.der), new X509Certificate(renewed)];
      for (const part of ["subject", "issuer", "subjectAltName", "keyUsage", "ca"] as const) {
        expect(after[part], part).to.deep.equal(before[part]);
      }
      expect(after.serialNumber).to.not.equal(before.serialNumber);
      expect(after.checkPrivateKey(old.key)).to.equal(true);
      expect(after.verify(createPublicKey(old.key))).to.equal(true);
    });
  }

  it("renews what a CA issued with the CA's key alone", () => {
    const [ca, other] = [certificateAuthority(), certificateAuthority()];
    const leaf = issuedBy(ca, { cn: "leaf" });
    const renewed = renewCertificate(leaf.der, { signer: ca.key, issuer: ca.der, ...YEAR });
    expect(inspectCertificate(renewed).identity).to.equal(leaf.identity);
    expect(new X509Certificate(renewed).checkIssued(new X509Certificate(ca.der))).to.equal(true);
    expect([isSelfSigned(leaf.der), isSelfSigned(ca.der)]).to.deep.equal([false, true]);
    // The same name, another key.
    expect([wasIssuedBy(leaf.der, ca.der), wasIssuedBy(leaf.der, other.der)]).to.deep.equal([true, false]);
    for (const [signer, issuer] of [
      [leaf.key, undefined],
      [other.key, undefined],
      [other.key, ca.der],
      [leaf.key, leaf.der],
    ] as const) {
      const renewal = { signer, ...(issuer === undefined ? {} : { issuer }), ...YEAR };
      expect(() => renewCertificate(leaf.der, renewal)).to.throw(
        CertificateError,
        "would not be its holder's",
      );
    }
  });

  it("refuses a self-signed certificate with another key", () => {
    const [a, b] = [selfSigned(), selfSigned()];
    expect(() => renewCertificate(a.der, { signer: b.key, ...YEAR })).to.throw(CertificateError);
  });

  it("refuses dates that no certificate can say, and bytes that are none", () => {
    const { der, key } = selfSigned();
    for (const [notBeforeMs, notAfterMs] of [
      [YEAR.notAfterMs, YEAR.notBeforeMs],
      [YEAR.notBeforeMs, Date.UTC(10_000, 0)],
      [Number.NaN, YEAR.notAfterMs],
    ] as const) {
      expect(() => renewCertificate(der, { signer: key, notBeforeMs, notAfterMs })).to.throw(
        CertificateError,
      );
    }
    for (let end = 0; end < der.length; end += 7) {
      expect(() => renewCertificate(der.subarray(0, end), { signer: key, ...YEAR })).to.throw(
        CertificateError,
      );
    }
  });

  describe("certificates that openssl made", () => {
    let dir: string;
    beforeEach(async () => {
      dir = await mkdtemp(join(tmpdir(), "keswick-renew-"));
    });
    afterEach(() => rm(dir, { recursive: true, force: true }));

    const CNF = `[req]
prompt = no
distinguished_name = subject
x509_extensions = extensions
[subject]
C = CH
O = Example & Sons
OU = Störage
CN = storage 7
[extensions]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature,keyAgreement
extendedKeyUsage = clientAuth,1.3.6.1.5.5.7.3.17
subjectAltName = email:a@example.org,URI:spiffe://example.org/kes,DNS:*.example.org,IP:2001:db8::1,otherName:1.2.3.4;UTF8:other
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
certificatePolicies = 1.2.3.4
1.2.3.4.5.6 = critical,DER:0c0161
`;
    /** openssl's own words for everything between the subject and the signature. */
    const described = async (openssl: string, file: string): Promise<string> => {
      const skipped = "no_serial,no_validity,no_sigdump,no_header,no_signame";
      return runOk([openssl, "x509", "-in", file, "-noout", "-text", "-certopt", skipped]);
    };

    for (const [name, kind, authority] of [
      ["Ed25519", ["ed25519"], "keyid:always"],
      ["a compressed point", ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "keyid:always"],
      [
        "an issuer's serial number",
        ["ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
        "keyid:always,issuer:always",
      ],
    ] as const) {
      it(`keeps every name and extension: ${name}`, async function () {
        const openssl = requireService(this, "openssl");
        const [key, crt, cnf, out] = ["key.pem", "old.crt", "cnf", "new.crt"].map((it) => join(dir, it));
        if (!key || !crt || !cnf || !out) throw new Error("no path");
        await writeFile(cnf, CNF.replace("= keyid:always", `= ${authority}`));
        if (name === "a compressed point") {
          const form = ["-name", "prime256v1", "-genkey", "-noout", "-conv_form", "compressed"];
          await runOk([openssl, "ecparam", ...form, "-out", key]);
          await runOk([openssl, "req", "-x509", "-config", cnf, "-key", key, "-out", crt, "-days", "3"]);
        } else {
          const files = ["-config", cnf, "-keyout", key, "-out", crt];
          await runOk([openssl, "req", "-x509", "-nodes", "-days", "3", "-newkey", ...kind, ...files]);
        }
        const [old] = certificatesOfPem(await readFile(crt, "latin1"));
        const signer = privateKeyOfPem(await readFile(key, "latin1"));
        const renewed = renewCertificate(old, { signer, ...YEAR });
        await writeFile(out, certificatePem(renewed));
        expect(inspectCertificate(renewed)).to.deep.equal({ ...inspectCertificate(old), ...YEAR });
        const before = (await described(openssl, crt)).replace(
          / +X509v3 Authority Key Identifier: \n.*\n +DirName:.*\n +serial:.*\n/,
          "",
        );
        expect(before).to.include("spiffe://example.org/kes").and.include("1.2.3.4.5.6");
        expect(await described(openssl, out)).to.equal(before);
        const checked = await runOk([
          ...[openssl, "verify", "-CAfile", out, "-check_ss_sig", "-ignore_critical"],
          ...["-attime", String(YEAR.notBeforeMs / 1000 + 60), out],
        ] as [string]);
        expect(checked).to.include("OK");
      });
    }
  });
});
