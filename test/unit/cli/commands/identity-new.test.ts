import { X509Certificate } from "node:crypto";
import { chmod, link, mkdir, readdir, symlink, utimes } from "node:fs/promises";
import { stripVTControlCharacters } from "node:util";
import { expect } from "chai";
import { draftName } from "../../../../src/cli/file/drafts.js";
import { ApiKey } from "../../../../src/identity/api-key.js";
import { certificatesOfPem, inspectCertificate } from "../../../../src/identity/certificate.js";
import { privateKeyOfPem } from "../../../../src/identity/private-key.js";
import { IdentitySite, type KesOptions, type Said } from "../../../support/identity-site.js";

const HOUR_MS = 3_600_000;
/** Above what Linux gives out. */
const NOBODY = 2_000_000_000;
const FILES = ["--key", "a.key", "--cert", "a.crt"] as const;

describe("kes identity new", () => {
  let site: IdentitySite;
  beforeEach(async () => {
    site = await IdentitySite.make();
  });
  afterEach(() => site.remove());

  const make = (argv: readonly string[] = [], options?: KesOptions): Promise<Said> =>
    site.kes(["identity", "new", ...argv], options);
  const apiKeyIn = (text: string): ApiKey => ApiKey.parse(/^ {3}(kes:v1:\S+)$/m.exec(text)?.[1] ?? "");
  const certificate = async (name = "a.crt"): Promise<X509Certificate> =>
    new X509Certificate(certificatesOfPem(await site.read(name))[0]);

  it("prints a new key under KES's headings, in a pipe as on a terminal", async () => {
    const piped = await make();
    const shown = await make([], { isTTY: true });
    expect([piped.code, piped.err, shown.code, shown.err]).to.deep.equal([0, "", 0, ""]);
    for (const out of [piped.out, stripVTControlCharacters(shown.out)]) {
      const apiKey = apiKeyIn(out);
      expect(out).to.include(`Your API key:\n\n   ${apiKey}\n`);
      expect(out).to.include(`Your Identity:\n\n   ${apiKey.identity}\n`).and.include("kes identity of -");
      // Whoever greps for it finds it once.
      expect(out.match(/kes:v1:/g)).to.have.length(1);
      for (const line of out.split("\n")) expect(line.length, line).to.be.at.most(80);
    }
    expect(piped.out).to.not.include("\x1b");
    expect(apiKeyIn(piped.out).identity).to.not.equal(apiKeyIn(stripVTControlCharacters(shown.out)).identity);
    expect(await readdir(site.folder)).to.deep.equal([]);
  });

  it("writes the same key to files that fit together, by KES's template", async () => {
    const before = Date.now();
    const { code, out, err } = await make([
      ...FILES,
      "--ip",
      "127.0.0.1,::1",
      "--dns",
      "kes.example",
      "minio",
    ]);
    expect([code, err]).to.deep.equal([0, ""]);
    const apiKey = apiKeyIn(out);
    expect(out)
      .to.match(/a\.key\n/)
      .and.match(/a\.crt .*\n/)
      .and.include("   kes identity of a.crt\n");
    expect([await site.modeOf("a.key"), await site.modeOf("a.crt")]).to.deep.equal([0o600, 0o644]);
    expect((await readdir(site.folder)).sort()).to.deep.equal(["a.crt", "a.key"]);

    const key = privateKeyOfPem(await site.read("a.key"));
    expect(key.equals(apiKey.privateKey)).to.equal(true);
    const made = await certificate();
    const info = inspectCertificate(made.raw);
    expect(info).to.include({ identity: apiKey.identity, isCa: false, namesHost: true });
    expect([info.notAfterMs - before, before - info.notBeforeMs]).to.satisfy(
      ([left = 0, past = 0]: number[]) =>
        Math.abs(left - 720 * HOUR_MS) < 60_000 && past >= 0 && past < HOUR_MS,
    );
    expect(made.subject).to.equal("CN=minio");
    expect(made.issuer).to.equal("CN=minio");
    expect(made.subjectAltName).to.equal("DNS:kes.example, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1");
    expect(made.keyUsage).to.deep.equal(["1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.1"]);
    expect(made.verify(made.publicKey)).to.equal(true);
  });

  it("names the identity where no subject is given, and needs no names", async () => {
    const { out } = await make([...FILES, "--expiry", "1h30m"]);
    const made = await certificate();
    expect(made.subject).to.equal(`CN=${apiKeyIn(out).identity}`);
    expect(made.subjectAltName).to.equal(undefined);
    expect(Date.parse(made.validTo) - Date.now()).to.be.within(1.4 * HOUR_MS, 1.5 * HOUR_MS);
  });

  it("prints JSON and nothing else with --json", async () => {
    const bare = JSON.parse((await make(["--json"])).out);
    expect(bare).to.have.all.keys("api_key", "identity");
    expect(ApiKey.parse(bare.api_key).identity).to.equal(bare.identity);
    const { key, cert, identity, expires_at } = JSON.parse((await make([...FILES, "--json"])).out);
    expect([key, cert]).to.deep.equal(["a.key", "a.crt"]);
    const info = inspectCertificate((await certificate()).raw);
    expect([info.identity, info.notAfterMs]).to.deep.equal([identity, Date.parse(expires_at)]);
  });

  it("says that a subject without files has no use", async () => {
    const { code, err } = await make(["minio"]);
    expect([code, err.startsWith("kes: the subject is that of a certificate")]).to.deep.equal([0, true]);
  });

  describe("--encrypt", () => {
    const ask = "Enter password for private key: ";

    it("asks twice, shows nothing, and writes a key that its password opens", async () => {
      const types = ["correct horse", "correct horse"];
      const { code, out, err } = await make([...FILES, "--encrypt"], { types });
      expect([code, err]).to.deep.equal([0, `${ask}\nConfirm password for private key: \n`]);
      expect(out + err).to.not.include("correct horse");
      const text = await site.read("a.key");
      expect(text).to.match(/^-----BEGIN PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,/);
      expect(privateKeyOfPem(text, "correct horse").equals(apiKeyIn(out).privateKey)).to.equal(true);
      expect(await site.modeOf("a.key")).to.equal(0o600);

      const shown = await site.kes(["identity", "a.key"], { types: ["correct horse"] });
      expect(shown).to.deep.equal({ code: 0, out: apiKeyIn(out).toString(), err: `${ask}\n` });
      const env = { MINIO_KES_KEY_PASSWORD: "correct horse" };
      expect((await site.kes(["identity", "a.key"], { env })).out).to.equal(apiKeyIn(out).toString());
      for (const wrong of ["wrong", ""]) {
        const { code, out, err } = await site.kes(["identity", "a.key"], { types: [wrong] });
        expect([code, out]).to.deep.equal([1, ""]);
        expect(err).to.match(
          /^Enter password for private key: \nError: incorrect password\nkes: (?:that of )?'a\.key' .*\n$/,
        );
      }
      const piped = await site.kes(["identity", "a.key"]);
      expect([piped.code, piped.out]).to.deep.equal([1, ""]);
      expect(piped.err).to.include("standard input is not a terminal").and.include("MINIO_KES_KEY_PASSWORD");
    });

    const refused: readonly (readonly [types: readonly string[] | undefined, error: string])[] = [
      [["one", "two"], "Error: passwords don't match\n"],
      [["", ""], "Error: an empty password protects nothing\n"],
      [["\u0003"], ""],
      [undefined, "standard input is not a terminal"],
    ];
    for (const [types, error] of refused) {
      it(`writes nothing after ${JSON.stringify(types)}`, async () => {
        const { code, out, err } = await make([...FILES, "--encrypt"], types === undefined ? {} : { types });
        expect([code, out]).to.deep.equal([1, ""]);
        expect(err)
          .to.include(error)
          .and.not.match(/kes:v1:/);
        expect(await readdir(site.folder)).to.deep.equal([]);
      });
    }
  });

  describe("existing files", () => {
    for (const [there, error] of [
      ["a.key", "private key already exists. Use --force to overwrite it"],
      ["a.crt", "certificate already exists. Use --force to overwrite it"],
    ] as const) {
      it(`are left alone: ${there}`, async () => {
        await site.write(there, "somebody's");
        expect(await make(FILES)).to.deep.equal({ code: 1, out: "", err: `Error: ${error}\n` });
        expect(await site.read(there)).to.equal("somebody's");
        expect(await readdir(site.folder)).to.deep.equal([there]);
      });
    }

    it("are refused before a password is asked for, and a dangling link counts as one", async () => {
      await symlink("nowhere", site.path("a.key"));
      const { err } = await make([...FILES, "--encrypt"]);
      expect(err).to.equal("Error: private key already exists. Use --force to overwrite it\n");
    });

    it("are replaced with --force, with the modes of new ones, also behind a link", async () => {
      const first = apiKeyIn((await make(FILES)).out);
      await chmod(site.path("a.key"), 0o644);
      await chmod(site.path("a.crt"), 0o600);
      await mkdir(site.path("real"));
      await link(site.path("a.crt"), site.path("old.crt"));
      const { code, out } = await make([...FILES, "--force"]);
      const second = apiKeyIn(out);
      expect(code).to.equal(0);
      expect(second.identity).to.not.equal(first.identity);
      expect(privateKeyOfPem(await site.read("a.key")).equals(second.privateKey)).to.equal(true);
      expect(inspectCertificate((await certificate()).raw).identity).to.equal(second.identity);
      // A new file in its place: what still reads the old one sees no mixture.
      expect(inspectCertificate((await certificate("old.crt")).raw).identity).to.equal(first.identity);
      expect([await site.modeOf("a.key"), await site.modeOf("a.crt")]).to.deep.equal([0o600, 0o644]);

      await site.write("real/a.crt", "old", 0o644);
      await symlink("real/a.crt", site.path("linked.crt"));
      const linked = await make(["--key", "b.key", "--cert", "linked.crt", "-f"]);
      expect(linked.code, linked.err).to.equal(0);
      const { identity } = apiKeyIn(linked.out);
      expect(inspectCertificate((await certificate("real/a.crt")).raw).identity).to.equal(identity);
      expect((await readdir(site.folder)).filter((name) => name.startsWith("."))).to.deep.equal([]);
    });

    it("are rid of what killed runs left there, but not of the draft of one under way", async () => {
      const [old, young, folder] = [draftName(NOBODY), draftName(NOBODY), draftName(NOBODY)];
      await site.write(old, "half a key");
      await site.write(young, "half a key");
      // In a folder that all may write into, such names can be anything.
      await mkdir(site.path(folder));
      for (const name of [old, folder]) await utimes(site.path(name), new Date(0), new Date(0));
      expect((await make(FILES)).code).to.equal(0);
      expect(await readdir(site.folder)).to.have.members([folder, young, "a.crt", "a.key"]);
    });

    for (const [what, files] of [
      ["a key that cannot be written", ["--key", "none/a.key", "--cert", "a.crt"]],
      ["a key that is a folder", ["--key", "folder", "--cert", "a.crt"]],
      ["a certificate that cannot be written", ["--key", "a.key", "--cert", "none/a.crt"]],
      ["a certificate that is a folder", ["--key", "a.key", "--cert", "folder"]],
    ] as const) {
      it(`keep what they held for ${what}, with and without --force`, async () => {
        await mkdir(site.path("folder"));
        const fresh = await make(files);
        expect([fresh.code, fresh.out]).to.deep.equal([1, ""]);
        expect(await readdir(site.folder)).to.deep.equal(["folder"]);

        await site.write("a.key", "old key");
        await site.write("a.crt", "old certificate", 0o640);
        await chmod(site.path("a.crt"), 0o640);
        const forced = await make([...files, "--force"]);
        expect([forced.code, forced.out]).to.deep.equal([1, ""]);
        expect(forced.err)
          .to.match(/^Error: /)
          .and.not.include(".kes-");
        expect([await site.read("a.key"), await site.read("a.crt")]).to.deep.equal([
          "old key",
          "old certificate",
        ]);
        expect(await site.modeOf("a.crt")).to.equal(0o640);
        expect((await readdir(site.folder)).sort()).to.deep.equal(["a.crt", "a.key", "folder"]);
      });
    }
  });

  const both = "requires a private key and certificate file. Set the '--cert' and '--key' flag";
  const misuse: readonly (readonly [argv: readonly string[], error: string])[] = [
    [["--key", "a"], "private key file specified but no certificate file. Set the '--cert' flag"],
    [["--cert", "a"], "certificate file specified but no private key file. Set the '--key' flag"],
    [["--encrypt"], `'--encrypt' ${both}`],
    [["-f"], `'--force' ${both}`],
    [["--expiry", "1h"], `'--expiry' ${both}`],
    [["--ip", "127.0.0.1"], `'--ip' ${both}`],
    [["--dns", "localhost"], `'--dns' ${both}`],
    [["--key", "a", "--cert", "./a"], "'--key' and '--cert' name the same file"],
    [[...FILES, "--ip", "1.2.3"], 'invalid argument "1.2.3" for "--ip" flag: failed to parse IP: "1.2.3"'],
    [[...FILES, "--dns", "a b"], 'invalid argument "a b" for "--dns" flag: not a DNS name'],
    [
      [...FILES, "--expiry", "30d"],
      'invalid argument "30d" for "--expiry" flag: time: invalid duration "30d"',
    ],
    [[...FILES, "--expiry", "0s"], 'invalid argument "0s" for "--expiry" flag: shorter than a second'],
    [[...FILES, "x".repeat(65)], "cannot make the certificate: common name must have 1 to 64 characters"],
    [["a", "b"], "too many arguments. See 'kes identity new --help'"],
  ];
  for (const [argv, error] of misuse) {
    it(`refuses ${argv.join(" ").slice(0, 60)}`, async () => {
      expect(await make(argv)).to.deep.equal({ code: 1, out: "", err: `Error: ${error}\n` });
      expect(await readdir(site.folder)).to.deep.equal([]);
    });
  }
});
