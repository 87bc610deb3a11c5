import { createHash, randomBytes, X509Certificate } from "node:crypto";
import { expect } from "chai";
import { ApiKey } from "../../../src/identity/api-key.js";
import { inspectCertificate } from "../../../src/identity/certificate.js";
import { clientCertificate } from "../../../src/identity/client-certificate.js";
import { issueCertificate } from "../../../src/identity/issue.js";

/** Where the serial number's 16 bytes stand: after two headers of 4 bytes, the version's 5 and a header of 2. */
const SERIAL_AT = 4 + 4 + 5 + 2;

describe("clientCertificate", () => {
  const nowMs = Date.UTC(2026, 10, 21, 15, 56, 9, 172);
  const lives = [
    ["a day", nowMs, nowMs + 86_400_000],
    ["from UTCTime to GeneralizedTime", nowMs, Date.UTC(2050, 0, 1)],
    ["up to the last UTCTime", 0, Date.UTC(2049, 11, 31, 23, 59, 59)],
    ["in GeneralizedTime", Date.UTC(2051, 1, 2), Date.UTC(9999, 11, 31, 23, 59, 59)],
  ] as const;

  for (const [what, notBeforeMs, notAfterMs] of lives) {
    it(`is byte for byte what the general writer makes: ${what}`, () => {
      for (let round = 0; round < 20; round++) {
        const apiKey = ApiKey.generate(randomBytes);
        const known = issueCertificate({
          commonName: apiKey.identity,
          key: apiKey.privateKey,
          notBeforeMs,
          notAfterMs,
          usages: ["clientAuth"],
        });
        const serial = known.subarray(SERIAL_AT, SERIAL_AT + 16);
        const made = clientCertificate(apiKey, { notBeforeMs, notAfterMs }, serial);
        expect(Buffer.from(made).toString("hex")).to.equal(Buffer.from(known).toString("hex"));
      }
    });
  }

  it("is read by OpenSSL as what it should be", () => {
    const apiKey = ApiKey.generate(randomBytes);
    const der = clientCertificate(apiKey, { notBeforeMs: nowMs, notAfterMs: nowMs + 86_400_000 });
    const read = new X509Certificate(der);
    expect(read.subject).to.equal(`CN=${apiKey.identity}`);
    expect(read.issuer).to.equal(read.subject);
    expect(read.verify(read.publicKey)).to.equal(true);
    expect(read.checkPrivateKey(apiKey.privateKey)).to.equal(true);
    expect(read.ca).to.equal(false);
    expect(read.keyUsage).to.deep.equal(["1.3.6.1.5.5.7.3.2"]);
    expect(read.validFrom).to.equal("Nov 21 15:56:09 2026 GMT");
    expect(read.validTo).to.equal("Nov 22 15:56:09 2026 GMT");
    expect(inspectCertificate(der)).to.include({ identity: apiKey.identity, isCa: false });
    const spki = read.publicKey.export({ type: "spki", format: "der" });
    expect(createHash("sha256").update(spki).digest("hex")).to.equal(apiKey.identity);
  });

  it("has a new serial number each time", () => {
    const apiKey = ApiKey.generate(randomBytes);
    const serials = Array.from({ length: 64 }, () => {
      const der = clientCertificate(apiKey, { notBeforeMs: 0, notAfterMs: 1000 });
      return new X509Certificate(der).serialNumber;
    });
    expect(new Set(serials)).to.have.property("size", 64);
    for (const serial of serials) expect(serial).to.match(/^[4-7][0-9A-F]{31}$/);
  });
});
