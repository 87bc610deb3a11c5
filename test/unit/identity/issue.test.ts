import { execFile } from "node:child_process";
import { createPublicKey, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TLSSocket } from "node:tls";
import { promisify } from "node:util";
import { expect } from "chai";
import { CertificateError, identityOfCertificate, identityOfKey } from "../../../src/identity/certificate.js";
import { isDnsName, isIpAddress, issueCertificate } from "../../../src/identity/issue.js";
import {
  certificateAuthority,
  issuedBy,
  selfSigned,
  type TestAlgorithm,
  type TestCertificate,
  testKey,
} from "../../support/certificates.js";
import { requireService } from "../../support/services/index.js";

const exec = promisify(execFile);
const ALGORITHMS: readonly TestAlgorithm[] = ["ed25519", "p256", "p384", "rsa"];

describe("identity/issue: as others read it", () => {
  let dir: string;
  const certificates = new Map<TestAlgorithm, TestCertificate>();
  before(async function () {
    requireService(this, "openssl");
    requireService(this, "curl");
    dir = await mkdtemp(join(tmpdir(), "keswick-issue-"));
    for (const algorithm of ALGORITHMS) certificates.set(algorithm, selfSigned({ algorithm }));
  });
  after(() => dir && rm(dir, { recursive: true, force: true }));

  const file = async (name: string, text: string): Promise<string> => {
    await writeFile(join(dir, name), text);
    return join(dir, name);
  };
  const of = (algorithm: TestAlgorithm): TestCertificate => {
    const found = certificates.get(algorithm);
    if (found === undefined) throw new Error("not made");
    return found;
  };

  for (const algorithm of ALGORITHMS) {
    it(`openssl reads a ${algorithm} certificate and finds its signature right`, async () => {
      const { certPem, identity, key } = of(algorithm);
      const path = await file(`${algorithm}.crt`, certPem);
      const { stdout } = await exec("openssl", ["x509", "-in", path, "-noout", "-text"]);
      for (const part of [
        "Version: 3 (0x2)",
        "Subject: CN = test",
        "Issuer: CN = test",
        "X509v3 Key Usage: critical\n                Digital Signature\n",
        "X509v3 Basic Constraints: critical\n                CA:FALSE\n",
        "TLS Web Client Authentication, TLS Web Server Authentication",
        "DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1",
      ]) {
        expect(stdout).to.include(part);
      }
      await exec("openssl", ["verify", "-check_ss_sig", "-x509_strict", "-CAfile", path, path]);
      expect(identityOfKey(key)).to.equal(identity);
    });

    it(`openssl verifies a chain below a ${algorithm} CA`, async () => {
      const root = certificateAuthority({ key: of(algorithm).key, cn: "Würzel €" });
      const middle = issuedBy(root, { ca: true, cn: "Middle", sans: [] });
      const leaf = issuedBy(middle, { algorithm: "p256" });
      const stranger = certificateAuthority({ algorithm: "ed25519", cn: "Würzel €" });
      const [rootFile, middleFile, leafFile, strangerFile] = await Promise.all([
        file(`${algorithm}-root.crt`, root.certPem),
        file(`${algorithm}-middle.crt`, middle.certPem),
        file(`${algorithm}-leaf.crt`, leaf.certPem),
        file(`${algorithm}-stranger.crt`, stranger.certPem),
      ]);
      const verify = (anchor: string) =>
        exec("openssl", [
          "verify",
          "-purpose",
          "sslclient",
          "-CAfile",
          anchor,
          "-untrusted",
          middleFile,
          leafFile,
        ]);
      expect((await verify(rootFile)).stdout).to.include("OK");
      const refusal = await verify(strangerFile).catch((error: unknown) => error);
      expect(refusal).to.be.instanceOf(Error);
    });

    it(`curl trusts a ${algorithm} server and shows it a ${algorithm} client certificate`, async () => {
      const server = of(algorithm);
      const client = selfSigned({ key: server.key, sans: [], usages: ["clientAuth"] });
      const https = createServer(
        { key: server.keyPem, cert: server.certPem, requestCert: true, rejectUnauthorized: false },
        (request, response) => {
          const raw =
            request.socket instanceof TLSSocket ? request.socket.getPeerCertificate().raw : undefined;
          response.end(raw ? identityOfCertificate(raw) : "none");
        },
      );
      const port = await listen(https);
      try {
        const trust = ["--cacert", await file(`${algorithm}.crt`, server.certPem)];
        const own = ["--cert", await file(`${algorithm}-c.crt`, client.certPem)];
        own.push("--key", await file(`${algorithm}.key`, client.keyPem));
        for (const host of ["localhost", "127.0.0.1"]) {
          const { stdout } = await exec("curl", ["-sS", ...trust, ...own, `https://${host}:${port}/`]);
          expect(stdout).to.equal(client.identity);
        }
        const wrongName = ["--resolve", `other.example:${port}:127.0.0.1`, `https://other.example:${port}/`];
        const refusal = await exec("curl", ["-sS", ...trust, ...wrongName]).catch((error: unknown) => error);
        expect(refusal).to.be.instanceOf(Error).with.property("code", 60);
      } finally {
        https.closeAllConnections();
        https.close();
      }
    });
  }
});

describe("identity/issue", () => {
  const key = testKey();
  const base = { commonName: "x", key, notBeforeMs: 0, notAfterMs: 1000 };

  it("certifies a public key for an issuer", () => {
    const ca = certificateAuthority({ algorithm: "p256" });
    const der = issueCertificate({
      ...base,
      key: createPublicKey(key),
      issuer: { certificate: ca.der, key: ca.key },
    });
    expect(new X509Certificate(der).verify(createPublicKey(ca.key))).to.equal(true);
    expect(identityOfCertificate(der)).to.equal(identityOfKey(key));
  });

  it("writes dates before and after 2050, to the second", () => {
    const notBeforeMs = Date.parse("1999-12-31T23:59:59.999Z");
    const notAfterMs = Date.parse("2050-01-01T00:00:00Z");
    const { validFrom, validTo } = new X509Certificate(
      issueCertificate({ ...base, notBeforeMs, notAfterMs }),
    );
    expect([validFrom, validTo]).to.deep.equal(["Dec 31 23:59:59 1999 GMT", "Jan  1 00:00:00 2050 GMT"]);
  });

  it("takes every spelling of an IP address", () => {
    const ip = ["10.0.0.1", "::", "::1", "2001:db8::8:0:1", "1:2:3:4:5:6:7:8", "::ffff:1.2.3.4", "FE80::A"];
    const names = new X509Certificate(issueCertificate({ ...base, ip })).subjectAltName;
    expect(names?.split(", ")).to.deep.equal([
      "IP Address:10.0.0.1",
      "IP Address:0:0:0:0:0:0:0:0",
      "IP Address:0:0:0:0:0:0:0:1",
      "IP Address:2001:DB8:0:0:0:8:0:1",
      "IP Address:1:2:3:4:5:6:7:8",
      "IP Address:0:0:0:0:0:FFFF:102:304",
      "IP Address:FE80:0:0:0:0:0:0:A",
    ]);
  });

  it("gives every certificate a positive serial number of 16 bytes of its own", () => {
    const serials = Array.from(
      { length: 200 },
      () => new X509Certificate(issueCertificate(base)).serialNumber,
    );
    expect(new Set(serials).size).to.equal(200);
    for (const serial of serials) expect(serial).to.match(/^[4-7][0-9A-F]{31}$/);
  });

  it("refuses what no certificate can hold", () => {
    for (const request of [
      { ...base, commonName: "" },
      { ...base, commonName: "x".repeat(65) },
      { ...base, notBeforeMs: 2000 },
      { ...base, notAfterMs: Number.NaN },
      { ...base, dns: ["a b"] },
      { ...base, dns: ["a\0.example"] },
      { ...base, ip: ["1.2.3"] },
      { ...base, ip: ["fe80::1%eth0"] },
    ]) {
      expect(() => issueCertificate(request)).to.throw(CertificateError);
    }
    expect(() => issueCertificate({ ...base, notAfterMs: 8.64e15 })).to.throw(CertificateError);
  });

  it("knows DNS names and IP addresses", () => {
    for (const name of ["localhost", "a-b.example", "*.example.com", "_srv.x", "1a"]) {
      expect(isDnsName(name), name).to.equal(true);
    }
    for (const name of [
      "",
      ".",
      "a..b",
      "a.",
      "-a",
      "*",
      "a.*.b",
      "ä.example",
      "a/b",
      `${"a".repeat(64)}.x`,
    ]) {
      expect(isDnsName(name), name).to.equal(false);
    }
    expect(["1.2.3.4", "::1"].every(isIpAddress)).to.equal(true);
    expect(["1.2.3", "[::1]", "fe80::1%1", "x"].some(isIpAddress)).to.equal(false);
  });
});

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
