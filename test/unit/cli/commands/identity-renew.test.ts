import { X509Certificate } from "node:crypto";
import { chmod, mkdir, readdir, readlink, rm, symlink } from "node:fs/promises";
import { expect } from "chai";
import { certificatesOfPem, inspectCertificate } from "../../../../src/identity/certificate.js";
import { privateKeyOfPem } from "../../../../src/identity/private-key.js";
import {
  certificateAuthority,
  issuedBy,
  selfSigned,
  type TestCertificate,
} from "../../../support/certificates.js";
import { IdentitySite, type KesOptions, type Said } from "../../../support/identity-site.js";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

describe("kes identity renew", () => {
  let site: IdentitySite;
  beforeEach(async () => {
    site = await IdentitySite.make();
  });
  afterEach(() => site.remove());

  const renew = (argv: readonly string[], options?: KesOptions): Promise<Said> =>
    site.kes(["identity", "renew", ...argv], options);
  const put = async (name: string, { certPem, keyPem }: TestCertificate, more = ""): Promise<void> => {
    await site.write(`${name}.crt`, certPem + more, 0o644);
    await site.write(`${name}.key`, keyPem);
  };
  const certificate = async (name: string): Promise<X509Certificate> =>
    new X509Certificate(certificatesOfPem(await site.read(name))[0]);
  /** What failed must have left everything as it was. */
  const unchanged = async (work: () => Promise<Said>): Promise<string> => {
    const contents = async (): Promise<string[]> => {
      const names = (await readdir(site.folder)).sort();
      return Promise.all(names.map(async (name) => `${name}: ${await site.read(name)}`));
    };
    const before = await contents();
    const { code, out, err } = await work();
    expect([code, out]).to.deep.equal([1, ""]);
    expect(await contents()).to.deep.equal(before);
    return err;
  };

  it("replaces a certificate that has ended, keeps the old one, and says so", async () => {
    const old = selfSigned({
      cn: "client",
      sans: [],
      notBefore: new Date(Date.now() - 40 * DAY_MS),
      notAfter: new Date(Date.now() - 10 * DAY_MS),
    });
    await put("client", old);
    const { code, out, err } = await renew(["client.crt"]);
    expect([code, err]).to.deep.equal([0, ""]);
    const [now, kept] = [await certificate("client.crt"), await site.read("client.crt.old")];
    expect(kept).to.equal(old.certPem);
    const info = inspectCertificate(now.raw);
    expect(info.identity).to.equal(old.identity);
    expect(now.subject).to.equal("CN=client");
    expect(now.checkPrivateKey(old.key)).to.equal(true);
    // As long as before, but from now on.
    expect(info.notAfterMs - info.notBeforeMs).to.equal(30 * DAY_MS);
    expect(Date.now() - info.notBeforeMs).to.be.within(0, HOUR_MS);
    expect(out).to.equal(
      [
        "Renewed     client.crt",
        "Kept        client.crt.old (the old certificate)",
        `Identity    ${old.identity}`,
        `Valid until ${iso(info.notAfterMs)} (before: ${iso(inspectCertificate(old.der).notAfterMs)})`,
        "",
      ].join("\n"),
    );
    expect((await readdir(site.folder)).sort()).to.deep.equal(["client.crt", "client.crt.old", "client.key"]);
    expect(await site.read("client.key")).to.equal(old.keyPem);
  });

  it("can be repeated, and grows no longer by it", async () => {
    const old = selfSigned();
    await put("a", old);
    const span = async (): Promise<number> => {
      const info = inspectCertificate((await certificate("a.crt")).raw);
      expect(info.identity).to.equal(old.identity);
      return info.notAfterMs - info.notBeforeMs;
    };
    const before = await span();
    for (let i = 0; i < 3; i++) {
      const previous = await site.read("a.crt");
      expect((await renew(["a.crt"])).code).to.equal(0);
      expect(await span()).to.equal(before);
      expect(await site.read("a.crt.old")).to.equal(previous);
    }
  });

  it("takes --expiry from now on, and tells of servers and of those who trust them", async () => {
    await put("server", selfSigned({ algorithm: "p256" }));
    const { code, err } = await renew(["server.crt", "--expiry", "8760h"]);
    expect(code).to.equal(0);
    const left = inspectCertificate((await certificate("server.crt")).raw).notAfterMs - Date.now();
    expect(left).to.be.within(365 * DAY_MS - HOUR_MS, 365 * DAY_MS);
    expect(err).to.match(
      /^kes: a running server .* SIGHUP.*\nkes: clients that trust the old certificate .*\n$/,
    );
  });

  it("prints JSON with --json, and finds the key beside the certificate under its usual names", async () => {
    const old = selfSigned();
    for (const [cert, key] of [
      ["public.crt", "private.key"],
      ["tls.pem", "tls-key.pem"],
      ["tls.crt", "tls.key"],
    ] as const) {
      await site.write(cert, old.certPem);
      await site.write(key, old.keyPem);
      const { out } = await renew([cert, "--json"]);
      const made = JSON.parse(out);
      expect(made).to.have.all.keys("identity", "cert", "old_cert", "expires_at", "old_expires_at");
      expect(made).to.include({ identity: old.identity, cert, old_cert: `${cert}.old` });
    }
  });

  it("renews what kes init made", async () => {
    await site.kes(["init", "kes"]);
    for (const holder of ["server", "admin", "client"]) {
      const file = `kes/${holder}.crt`;
      const before = await certificate(file);
      expect((await renew([file, "--expiry", "24h"])).code).to.equal(0);
      const after = await certificate(file);
      expect(inspectCertificate(after.raw).identity).to.equal(inspectCertificate(before.raw).identity);
      for (const part of ["subject", "subjectAltName", "keyUsage"] as const) {
        expect(after[part]).to.deep.equal(before[part]);
      }
      expect(Date.parse(after.validTo) - Date.now()).to.be.within(23 * HOUR_MS, 24 * HOUR_MS);
    }
  });

  it("writes elsewhere with --out and leaves the certificate alone", async () => {
    const old = selfSigned();
    await put("a", old);
    expect((await renew(["a.crt", "--out", "new.crt"])).code).to.equal(0);
    expect(await site.read("a.crt")).to.equal(old.certPem);
    expect(inspectCertificate((await certificate("new.crt")).raw).identity).to.equal(old.identity);
    expect(await site.modeOf("new.crt")).to.equal(0o644);
    expect((await readdir(site.folder)).sort()).to.deep.equal(["a.crt", "a.key", "new.crt"]);
    expect(await unchanged(() => renew(["a.crt", "--out", "new.crt"]))).to.equal(
      "Error: 'new.crt' already exists. Use --force to overwrite it\n",
    );
    expect((await renew(["a.crt", "--out", "new.crt", "-f"])).code).to.equal(0);
    // The same file by another name is replaced in place.
    const { out } = await renew(["a.crt", "--out", "./a.crt"]);
    expect(out).to.include("a.crt.old");
    expect(await site.read("a.crt.old")).to.equal(old.certPem);
  });

  it("keeps mode and chain, and goes through a link to the file behind it", async () => {
    const ca = certificateAuthority();
    const old = selfSigned();
    await mkdir(site.path("real"));
    await put("real/a", old, ca.certPem);
    await chmod(site.path("real/a.crt"), 0o640);
    await symlink("real/a.crt", site.path("a.crt"));
    const { code, out } = await renew(["a.crt", "--key", "real/a.key"]);
    expect(code).to.equal(0);
    expect(await readlink(site.path("a.crt"))).to.equal("real/a.crt");
    const [first, ...chain] = certificatesOfPem(await site.read("real/a.crt"));
    expect(inspectCertificate(first).identity).to.equal(old.identity);
    expect(chain.map((der) => Buffer.compare(der, ca.der))).to.deep.equal([0]);
    expect(await site.modeOf("real/a.crt")).to.equal(0o640);
    expect(await site.modeOf("real/a.crt.old")).to.equal(0o640);
    expect(out).to.include("/real/a.crt.old (the old certificate)");
    expect((await readdir(site.path("real"))).sort()).to.deep.equal(["a.crt", "a.crt.old", "a.key"]);
  });

  it("asks for the password of an encrypted key", async () => {
    const files = ["--key", "a.key", "--cert", "a.crt", "--encrypt"];
    await site.kes(["identity", "new", ...files], { types: ["secret", "secret"] });
    const { identity } = inspectCertificate((await certificate("a.crt")).raw);
    const asked = await renew(["a.crt"], { types: ["secret"] });
    expect([asked.code, asked.err]).to.deep.equal([0, "Enter password for private key: \n"]);
    const { code } = await renew(["a.crt"], { env: { KES_KEY_PASSWORD: "secret" } });
    expect(code).to.equal(0);
    expect(inspectCertificate((await certificate("a.crt")).raw).identity).to.equal(identity);
    expect(await unchanged(() => renew(["a.crt"], { types: ["wrong"] }))).to.include("incorrect password");
    expect(await unchanged(() => renew(["a.crt"]))).to.include("MINIO_KES_KEY_PASSWORD");
  });

  describe("certificates of a CA", () => {
    it("are refused with what to do about it", async () => {
      await put("a", issuedBy(certificateAuthority()));
      const err = await unchanged(() => renew(["a.crt"]));
      expect(err).to.match(/^Error: 'a\.crt' was issued by a CA, which alone can renew it\n/);
      expect(err).to.include("--ca-cert").and.include("openssl x509 -x509toreq");
    });

    it("are renewed with the CA's key, without their own", async () => {
      const ca = certificateAuthority({ algorithm: "p384" });
      const leaf = issuedBy(ca, { algorithm: "rsa", cn: "leaf" });
      await put("ca", ca);
      await put("a", leaf, ca.certPem);
      await rm(site.path("a.key"));
      const { code, err } = await renew(["a.crt", "--ca-cert", "ca.crt", "--ca-key", "ca.key"]);
      expect(code, err).to.equal(0);
      const made = await certificate("a.crt");
      expect(made.issuer).to.equal("CN=Test CA");
      expect(made.verify(new X509Certificate(ca.der).publicKey)).to.equal(true);
      expect(inspectCertificate(made.raw).identity).to.equal(leaf.identity);
      expect(certificatesOfPem(await site.read("a.crt"))).to.have.length(2);
    });

    it("end with the CA at the latest", async () => {
      const ca = certificateAuthority({ notAfter: new Date(Date.now() + 2 * HOUR_MS) });
      await put("ca", ca);
      await put("a", issuedBy(ca));
      const { code, err } = await renew([
        "a.crt",
        "--expiry",
        "48h",
        "--ca-cert",
        "ca.crt",
        "--ca-key",
        "ca.key",
      ]);
      expect(code).to.equal(0);
      expect(err).to.include("kes: the CA's own certificate ends then, and so does this one\n");
      expect(inspectCertificate((await certificate("a.crt")).raw).notAfterMs).to.equal(
        inspectCertificate(ca.der).notAfterMs,
      );
    });

    const wrong: readonly (readonly [what: string, argv: readonly string[], error: RegExp])[] = [
      ["half a CA", ["--ca-cert", "ca.crt"], /'--ca-cert' and '--ca-key' must be given together/],
      [
        "another CA of the same name",
        ["--ca-cert", "other.crt", "--ca-key", "other.key"],
        /'a\.crt' was not issued by the CA of 'other\.crt'/,
      ],
      [
        "a CA's certificate with another key",
        ["--ca-cert", "ca.crt", "--ca-key", "other.key"],
        /'ca\.crt' does not belong to the private key in 'other\.key'/,
      ],
      [
        "no CA",
        ["--ca-cert", "self.crt", "--ca-key", "self.key"],
        /'self\.crt' is not the certificate of a CA/,
      ],
      ["no file", ["--ca-cert", "none", "--ca-key", "none"], /'none': no such file or directory/],
      [
        "another key of its own",
        ["--ca-cert", "ca.crt", "--ca-key", "ca.key", "--key", "self.key"],
        /'a\.crt' does not belong to the private key in 'self\.key'/,
      ],
    ];
    for (const [what, argv, error] of wrong) {
      it(`stay as they are for ${what}`, async () => {
        const ca = certificateAuthority();
        await put("ca", ca);
        await put("other", certificateAuthority());
        await put("self", selfSigned());
        await put("a", issuedBy(ca));
        expect(await unchanged(() => renew(["a.crt", ...argv]))).to.match(error);
      });
    }
  });

  it("refuses a CA for a self-signed certificate", async () => {
    await put("ca", certificateAuthority());
    await put("a", selfSigned());
    const err = await unchanged(() => renew(["a.crt", "--ca-cert", "ca.crt", "--ca-key", "ca.key"]));
    expect(err).to.equal("Error: 'a.crt' is self-signed: '--ca-cert' and '--ca-key' are for others\n");
  });

  const old = selfSigned();
  const other = selfSigned();
  const tampered = Buffer.from(old.der);
  tampered[tampered.length - 1] = (tampered.at(-1) ?? 0) ^ 1;
  const refused: readonly (readonly [what: string, cert: string, key: string, error: RegExp])[] = [
    ["another's key", old.certPem, other.keyPem, /'a\.crt' does not belong to the private key in 'a\.key'/],
    ["no key", old.certPem, "", /'a\.key': no valid PEM data/],
    ["a certificate as key", old.certPem, old.certPem, /'a\.key': no PEM-encoded private key found/],
    ["no certificate", "hello", old.keyPem, /'a\.crt': no PEM-encoded certificate found/],
    ["a key as certificate", old.keyPem, old.keyPem, /'a\.crt': unsupported PEM data block/],
    ["a broken signature", pemOf(tampered), old.keyPem, /'a\.crt' was issued by a CA/],
    ["half a certificate", pemOf(old.der.subarray(0, 100)), old.keyPem, /'a\.crt': invalid certificate/],
  ];
  for (const [what, cert, key, error] of refused) {
    it(`refuses ${what} and changes nothing`, async () => {
      await site.write("a.crt", cert);
      await site.write("a.key", key);
      const err = await unchanged(() => renew(["a.crt"]));
      expect(err).to.match(error);
      for (const secret of [old.keyPem, other.keyPem]) expect(err).to.not.include(secret.split("\n")[1]);
    });
  }

  it("names what is missing", async () => {
    expect((await renew(["none.crt"])).err).to.equal(
      "Error: cannot read certificate 'none.crt': no such file or directory\n",
    );
    await site.write("a.crt", old.certPem);
    expect((await renew(["a.crt"])).err).to.equal(
      "Error: no private key found for 'a.crt'. Set the '--key' flag\n",
    );
    expect((await renew(["a.crt", "--key", "none"])).err).to.equal(
      "Error: private key file 'none': no such file or directory\n",
    );
    expect((await renew([])).err).to.equal("Error: not enough arguments. See 'kes identity renew --help'\n");
  });

  it("overwrites nothing by way of a link in the place of the old certificate", async () => {
    await put("a", old);
    await site.write("precious", "content");
    await symlink("precious", site.path("a.crt.old"));
    const { code, err } = await renew(["a.crt"]);
    expect([code, err]).to.deep.equal([
      1,
      `Error: '${site.path("a.crt.old")}' is a symbolic link: remove it first\n`,
    ]);
    expect([await site.read("precious"), await site.read("a.crt")]).to.deep.equal(["content", old.certPem]);
  });

  it("leaves the working certificate when the old one cannot be kept", async () => {
    await put("a", old);
    await mkdir(site.path("a.crt.old"));
    const { code, err } = await renew(["a.crt"]);
    expect([code, err]).to.satisfy(([c, e]: [number, string]) => c === 1 && e.includes("a.crt.old"));
    expect(await site.read("a.crt")).to.equal(old.certPem);
    expect(privateKeyOfPem(await site.read("a.key")).equals(old.key)).to.equal(true);
  });
});

function iso(ms: number): string {
  return new Date(ms).toISOString().replace(".000Z", "Z");
}

function pemOf(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}
