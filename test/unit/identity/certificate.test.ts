import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import {
  CertificateError,
  certificatesOfPem,
  certificatesOfPemFile,
  identityOfCertificate,
  identityOfPublicKeyInfo,
  inspectCertificate,
} from "../../../src/identity/certificate.js";
import { certificateAuthority, issuedBy, selfSigned } from "../../support/certificates.js";
import { requireService } from "../../support/services/index.js";

/** KES reference §7.4. */
const EXPIRED =
  "MIIBKDCB26ADAgECAhB6vebGMUfKnmBKyqoApRSOMAUGAytlcDAbMRkwFwYDVQQDDBByb290QHBsYXkubWluLmlvMB4XDTIwMDQzMDE1MjIyNVoXDTI1MDQyOTE1MjIyNVowGzEZMBcGA1UEAwwQcm9vdEBwbGF5Lm1pbi5pbzAqMAUGAytlcAMhALzn735WfmSH/ghKs+4iPWziZMmWdiWr/sqvqeW+WwSxozUwMzAOBgNVHQ8BAf8EBAMCB4AwEwYDVR0lBAwwCgYIKwYBBQUHAwIwDAYDVR0TAQH/BAIwADAFBgMrZXADQQDZOrGKb2ATkDlu2pTcP3LyhSBDpYh7V4TvjRkBTRgjkacCzwFLm+mh+7US8V4dBpIDsJ4uuWoF0y6vbLVGIlkG";

describe("identity/certificate: against openssl", () => {
  let dir: string;
  before(function () {
    requireService(this, "openssl");
    dir = mkdtempSync(join(tmpdir(), "keswick-certificate-"));
  });
  after(() => dir && rmSync(dir, { recursive: true, force: true }));

  const openssl = (...args: string[]): Buffer =>
    execFileSync("openssl", args, { cwd: dir, stdio: ["ignore", "pipe", "pipe"] });

  const kinds: readonly [name: string, ...keyCommands: string[]][] = [
    ["RSA", "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key"],
    ["P-256", "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key"],
    // `openssl ec` alone writes a compressed point; `req` and `pkey` then keep the form they find.
    [
      "P-256 compressed",
      "ecparam -name prime256v1 -genkey -noout -out plain",
      "ec -in plain -conv_form compressed -out key",
    ],
    ["P-384", "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out key"],
    ["Ed25519", "genpkey -algorithm ED25519 -out key"],
  ];
  for (const [name, ...keyCommands] of kinds) {
    it(`${name}: equals openssl x509 -pubkey | openssl pkey -pubin -outform der | sha256sum`, () => {
      for (const command of keyCommands) openssl(...command.split(" "));
      openssl("req", "-x509", "-key", "key", "-subj", "/CN=x", "-days", "1", "-out", "crt");
      openssl("x509", "-in", "crt", "-pubkey", "-noout", "-out", "pub");
      const spki = openssl("pkey", "-pubin", "-in", "pub", "-outform", "der");
      const [der] = certificatesOfPem(readFileSync(join(dir, "crt"), "utf8"));

      expect(identityOfCertificate(der)).to.equal(createHash("sha256").update(spki).digest("hex"));
      if (name === "P-256 compressed") {
        // The BIT STRING: tag, 34 bytes, no unused bits, then 0x02 or 0x03 and 32 bytes.
        expect(spki.subarray(-36, -33).toString("hex")).to.equal("032200");
        expect([2, 3]).to.include(spki.at(-33));
      }
    });
  }
});

describe("identity/certificate", () => {
  it("identity of a public key info (reference vectors)", () => {
    const vectors = [
      [
        "302a300506032b6570032100bce7ef7e567e6487fe084ab3ee223d6ce264c9967625abfecaafa9e5be5b04b1",
        "3ecfcdf38fcbe141ae26a1030f81e96b753365a46760ae6b578698a97c59fd22",
      ],
      [
        "3059301306072a8648ce3d020106082a8648ce3d030107034200046485d7fdab50571049f775498de3045f36058d0c1fbedf0e7efe691ed5f0bd4ce63a031c1a91f93028a92d38195205acc0bdbca498b8d571e4f9f485f43e67dd",
        "96918edf9cc8e7473d4217e3eed793ba111c3b7827189eafdcfd7ab275b43af6",
      ],
    ];
    for (const [spki = "", hash] of vectors) {
      expect(identityOfPublicKeyInfo(Buffer.from(spki, "hex"))).to.equal(hash);
    }
  });

  it("reads the reference's expired certificate", () => {
    expect(inspectCertificate(Buffer.from(EXPIRED, "base64"))).to.deep.equal({
      identity: "3ecfcdf38fcbe141ae26a1030f81e96b753365a46760ae6b578698a97c59fd22",
      isCa: false,
      notBeforeMs: Date.parse("2020-04-30T15:22:25Z"),
      notAfterMs: Date.parse("2025-04-29T15:22:25Z"),
      namesHost: false,
    });
  });

  it("tells CA and leaf apart by cA alone, and sees names and dates", () => {
    const notBefore = new Date("2049-12-31T23:59:59Z");
    const notAfter = new Date("9999-12-31T23:59:59Z");
    const ca = certificateAuthority({ notBefore, notAfter });
    expect(inspectCertificate(ca.der)).to.include({
      isCa: true,
      namesHost: false,
      notBeforeMs: notBefore.getTime(),
      notAfterMs: notAfter.getTime(),
    });
    expect(inspectCertificate(issuedBy(ca).der)).to.include({ isCa: false, namesHost: true });
    expect(inspectCertificate(issuedBy(ca, { ca: true }).der).isCa).to.equal(true);
    for (const san of ["a.example", "10.0.0.1", "::1"]) {
      expect(inspectCertificate(selfSigned({ sans: [san] }).der).namesHost).to.equal(true);
    }
  });

  it("keeps the identity of a renewed certificate", () => {
    const { key, identity, der } = selfSigned();
    const renewed = selfSigned({ key, cn: "other" });
    expect(renewed.der).to.not.deep.equal(der);
    expect(renewed.identity).to.equal(identity);
  });

  it("reads all certificates of a PEM file, in order, and nothing else", () => {
    const [a, b] = [selfSigned(), selfSigned()];
    const text = `subject=a\r\n${a.certPem.replaceAll("\n", "\r\n")}\n\n# next\n${b.certPem}`;
    expect(certificatesOfPem(text).map(identityOfCertificate)).to.deep.equal([a.identity, b.identity]);
    const bad = ["", "nothing", a.keyPem, a.certPem + a.keyPem, a.certPem.slice(0, -5)];
    bad.push(a.certPem.replace("\nMI", "\n!!"));
    for (const text of bad) expect(() => certificatesOfPem(text)).to.throw(CertificateError);
  });

  it("reads a PEM file, and says why it cannot", async () => {
    const dir = mkdtempSync(join(tmpdir(), "keswick-certificate-"));
    try {
      const { certPem, identity } = selfSigned();
      writeFileSync(join(dir, "a.crt"), certPem);
      expect((await certificatesOfPemFile(join(dir, "a.crt"))).map(identityOfCertificate)).to.deep.equal([
        identity,
      ]);
      for (const [file, message] of [
        [join(dir, "none"), "no such file or directory"],
        [dir, "is a directory"],
      ] as const) {
        const error: unknown = await certificatesOfPemFile(file).catch((cause: unknown) => cause);
        expect(error).to.be.instanceOf(CertificateError).with.property("message", message);
      }
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });

  it("refuses what is not exactly one certificate", () => {
    const { der } = selfSigned();
    const cases: readonly [why: string, bytes: Uint8Array][] = [
      ["empty", new Uint8Array()],
      ["truncated", der.subarray(0, -1)],
      ["trailing byte", Buffer.concat([der, Buffer.of(0)])],
      ["indefinite length", Buffer.concat([Buffer.of(0x30, 0x80), der.subarray(4), Buffer.of(0, 0)])],
      ["not minimal", Buffer.concat([Buffer.of(0x30, 0x83, 0), der.subarray(2)])],
      ["length beyond 32 bits", Buffer.from("3088ffffffffffffffff", "hex")],
      ["100,000 nested sequences", Buffer.alloc(200_000, "3080", "hex")],
    ];
    for (const [why, bytes] of cases) {
      expect(() => identityOfCertificate(bytes), why).to.throw(CertificateError);
      expect(() => inspectCertificate(bytes), why).to.throw(CertificateError);
    }
  });

  it("refuses two basicConstraints and a cA that is neither 0x00 nor 0xff", () => {
    const ca = Buffer.from(certificateAuthority().der);
    const at = ca.indexOf(Buffer.from("0603551d13", "hex"));
    expect(at).to.be.greaterThan(0);
    const twice = Buffer.from(ca);
    // Renames the key usage extension (2.5.29.15) to basicConstraints.
    twice[twice.indexOf(Buffer.from("0603551d0f", "hex")) + 4] = 0x13;
    expect(() => inspectCertificate(twice)).to.throw(CertificateError, "duplicate extension");
    const odd = Buffer.from(ca);
    const value = odd.indexOf(Buffer.from("30030101ff", "hex"), at);
    odd[value + 4] = 0x01;
    expect(() => inspectCertificate(odd)).to.throw(CertificateError, "invalid boolean");
  });

  it("mutated certificates never throw anything but CertificateError", () => {
    const seeds = [
      selfSigned({ algorithm: "p256" }).der,
      certificateAuthority().der,
      Buffer.from(EXPIRED, "base64"),
    ];
    const mutation = fc.record({
      seed: fc.nat({ max: seeds.length - 1 }),
      edits: fc.array(fc.tuple(fc.nat({ max: 700 }), fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 }),
      cut: fc.option(fc.nat({ max: 700 })),
    });
    let refused = 0;
    fc.assert(
      fc.property(mutation, ({ seed, edits, cut }) => {
        const bytes = Buffer.from(seeds[seed] ?? []);
        for (const [at, value] of edits) bytes[at % bytes.length] = value;
        const input = cut === null ? bytes : bytes.subarray(0, cut);
        for (const read of [identityOfCertificate, inspectCertificate]) {
          try {
            read(input);
          } catch (error) {
            refused++;
            if (!(error instanceof CertificateError)) throw error;
          }
        }
      }),
      { numRuns: 3000 },
    );
    expect(refused).to.be.greaterThan(100);
  });

  it("arbitrary bytes and text never throw anything but CertificateError", () => {
    const only = (read: () => unknown): void => {
      try {
        read();
      } catch (error) {
        if (!(error instanceof CertificateError)) throw error;
      }
    };
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => only(() => inspectCertificate(bytes))),
    );
    const lines = fc.constantFrom(
      "-----BEGIN CERTIFICATE-----",
      "-----END CERTIFICATE-----",
      "AAAA",
      "a: b",
      "=",
    );
    const text = fc.array(fc.oneof(lines, fc.string())).map((parts) => parts.join("\n"));
    fc.assert(fc.property(text, (value) => only(() => certificatesOfPem(value))));
  });
});
