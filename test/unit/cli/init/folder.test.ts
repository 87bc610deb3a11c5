import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { expect } from "chai";
import { parse } from "yaml";
import { CommandError } from "../../../../src/cli/command.js";
import { draftName, isDraft } from "../../../../src/cli/file/drafts.js";
import { type FolderResult, makeFolder, readFolder } from "../../../../src/cli/init/folder.js";
import { layoutOf, pathsOf } from "../../../../src/cli/init/layout.js";
import { expiryOf, namesOf } from "../../../../src/cli/init/names.js";
import { UsageError } from "../../../../src/errors.js";
import { readServerCredentials } from "../../../../src/identity/server-credentials.js";
import { selfSigned } from "../../../support/certificates.js";

const NOW = Date.parse("2030-01-01T00:00:00Z");
const HOUR_MS = 3_600_000;
/** Above what Linux gives out. */
const NOBODY = 2_000_000_000;
const OPTIONS = {
  dns: ["localhost"],
  ip: ["127.0.0.1", "::1"],
  expiryMs: HOUR_MS,
  nowMs: NOW,
  policyText: async () => "allow: []\n",
};

describe("cli/init/folder", () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "keswick-init-"));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  const make = async (path: string): Promise<FolderResult> => makeFolder(await layoutOf(path), OPTIONS);
  const failure = async (path: string): Promise<string> => {
    const error: unknown = await make(path).catch((cause: unknown) => cause);
    if (!(error instanceof CommandError)) throw new Error("CommandError expected", { cause: error });
    return error.message;
  };
  const contents = async (path: string): Promise<Map<string, string>> => {
    const names = (await readdir(path, { recursive: true, withFileTypes: true })).filter((it) => it.isFile());
    const texts = names.map(async ({ parentPath, name }): Promise<[string, string]> => {
      return [join(parentPath, name), await readFile(join(parentPath, name), "utf8")];
    });
    return new Map((await Promise.all(texts)).sort(([a], [b]) => (a < b ? -1 : 1)));
  };

  it("makes a folder that is complete and private", async () => {
    const path = join(dir, "deep", "kes");
    const result = await make(path);
    expect(result.kept).to.deep.equal([]);
    expect(result.isOpenToOthers).to.equal(false);
    const modes = await Promise.all(
      [path, ...pathsOf(await layoutOf(path))].map(async (file) => {
        return `${basename(file)} ${((await stat(file)).mode & 0o777).toString(8)}`;
      }),
    );
    expect(modes).to.deep.equal([
      "kes 700",
      "keys 700",
      "server.key 600",
      "server.crt 644",
      "admin.key 600",
      "admin.crt 644",
      "client.key 600",
      "client.crt 644",
      "audit.key 600",
      "audit.pub 644",
      "minio.yml 644",
      "kes-config.yml 644",
    ]);
    const { leaf } = await readServerCredentials({
      keyFile: join(path, "server.key"),
      certFile: join(path, "server.crt"),
    });
    expect(leaf).to.deep.equal(result.certificates.server);
    expect(leaf).to.include({ isCa: false, notAfterMs: NOW + HOUR_MS });
    expect(leaf.notBeforeMs).to.be.lessThan(NOW);
    const { server, admin, client } = result.certificates;
    expect(new Set([server.identity, admin.identity, client.identity]).size).to.equal(3);
  });

  it("gives the same modes under any umask", async () => {
    const before = process.umask(0o077);
    try {
      await make(join(dir, "kes"));
    } finally {
      process.umask(before);
    }
    expect((await stat(join(dir, "kes", "server.crt"))).mode & 0o777).to.equal(0o644);
  });

  it("writes a configuration whose paths are absolute, whatever they hold", async () => {
    const path = join(dir, 'a "b" #c: $d');
    await make(path);
    const config = parse(await readFile(join(path, "kes-config.yml"), "utf8"));
    expect(config).to.deep.include({
      version: "v1",
      admin: { identity: join(path, "admin.crt") },
      tls: { key: join(path, "server.key"), cert: join(path, "server.crt") },
      policy: {
        minio: { file: join(path, "policies", "minio.yml"), identities: [join(path, "client.crt")] },
      },
      keystore: { fs: { path: join(path, "keys") } },
    });
  });

  it("shows an audit file in the configuration that only wants its comments taken away", async () => {
    await make(dir);
    const text = await readFile(join(dir, "kes-config.yml"), "utf8");
    const config = parse(text.replace(/^( *)#(?=[^ ])/gm, "$1"));
    expect(config.audit).to.deep.equal({
      file: { path: join(dir, "audit.log"), key: join(dir, "audit.key") },
      required: false,
    });
    const [key, pub] = await Promise.all(
      ["audit.key", "audit.pub"].map((name) => readFile(join(dir, name), "utf8")),
    );
    expect(createPublicKey(key ?? "").export({ type: "spki", format: "pem" })).to.equal(pub);
    expect(createPublicKey(pub ?? "").asymmetricKeyType).to.equal("ed25519");
  });

  it("adds the audit key to a folder of an earlier version, and nothing else", async () => {
    await make(dir);
    for (const name of ["audit.key", "audit.pub"]) await rm(join(dir, name));
    const before = await contents(dir);
    const { made } = await make(dir);
    expect(made).to.deep.equal([join(dir, "audit.key"), join(dir, "audit.pub")]);
    const after = await contents(dir);
    for (const [file, text] of before) expect(after.get(file), file).to.equal(text);
  });

  it("refuses an audit key that does not belong to its public part, or is of another kind", async () => {
    await make(dir);
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    await rm(join(dir, "admin.crt"));
    await writeFile(join(dir, "audit.pub"), publicKey.export({ type: "spki", format: "pem" }));
    await rm(join(dir, "kes-config.yml"));
    expect(await failure(dir)).to.include("does not belong to the private key");
    await rm(join(dir, "audit.key"));
    expect(await failure(dir)).to.include("but its private key");
    await writeFile(join(dir, "audit.key"), privateKey.export({ type: "pkcs8", format: "pem" }));
    await make(dir);
    await rm(join(dir, "kes-config.yml"));
    await writeFile(join(dir, "audit.key"), await readFile(join(dir, "server.key")));
    expect(await failure(dir)).to.include("is no Ed25519 key");
  });

  it("leaves the configuration out in the project's own .keswick alone", async () => {
    await writeFile(join(dir, "kes-config.yml"), "version: v1\n");
    await make(join(dir, ".keswick"));
    expect(await readdir(join(dir, ".keswick"))).to.not.include.members(["kes-config.yml", "policies"]);
    await mkdir(join(dir, "elsewhere"));
    await make(join(dir, "elsewhere", ".keswick"));
    expect(await readdir(join(dir, "elsewhere", ".keswick"))).to.include.members([
      "kes-config.yml",
      "policies",
    ]);
  });

  it("refuses a complete folder, says so, and changes nothing", async () => {
    await make(dir);
    const before = await contents(dir);
    expect(await failure(dir))
      .to.include("is complete already")
      .and.include(join(dir, "server.key"));
    expect(await contents(dir)).to.deep.equal(before);
  });

  it("completes an interrupted run at each point where it can stop, and keeps what was there", async () => {
    const order = pathsOf(await layoutOf(dir));
    for (let stop = 0; stop < order.length; stop++) {
      const path = join(dir, String(stop));
      await make(path);
      const layout = await layoutOf(path);
      const [there, gone] = [pathsOf(layout).slice(0, stop), pathsOf(layout).slice(stop)];
      for (const file of gone) await rm(file, { recursive: true });
      const before = await contents(path);

      const result = await make(path);
      expect(result.made).to.deep.equal(gone);
      expect(result.kept).to.deep.equal(there);
      const after = await contents(path);
      for (const [file, text] of before) expect(after.get(file), file).to.equal(text);
      // Complete, and every certificate belongs to its key.
      expect(await failure(path)).to.include("is complete already");
      await readServerCredentials({ keyFile: layout.keyFile.server, certFile: layout.certFile.server });
    }
  });

  const unusable: readonly [why: string, spoil: (path: string) => Promise<unknown>, message: string][] = [
    ["a certificate without its key", (path) => rm(join(path, "admin.key")), "its private key"],
    ["a certificate of another key", (path) => copy(path, "client.crt", "server.crt"), "does not belong"],
    ["a key that is no key", (path) => writeFile(join(path, "client.key"), "x"), "cannot be used"],
    ["a key that cannot be read without password", (path) => encrypt(path), "password required"],
    ["a certificate that is none", (path) => writeFile(join(path, "admin.crt"), "x"), "cannot be used"],
  ];
  for (const [why, spoil, message] of unusable) {
    it(`refuses ${why} and changes nothing`, async () => {
      await make(dir);
      // Without the last file the folder counts as interrupted.
      await rm(join(dir, "kes-config.yml"));
      await spoil(dir);
      const before = await contents(dir);
      expect(await failure(dir)).to.include(message);
      expect(await contents(dir)).to.deep.equal(before);
    });
  }

  it("refuses a folder with a configuration of somebody's own", async () => {
    await writeFile(join(dir, "kes-config.yml"), "mine\n");
    expect(await failure(dir)).to.include("exists already");
    expect(await readdir(dir)).to.deep.equal(["kes-config.yml"]);
  });

  it("refuses a file in the folder's place", async () => {
    await writeFile(join(dir, "kes"), "");
    expect(await failure(join(dir, "kes"))).to.include("not a folder");
  });

  it("closes an empty folder to others, but not one with other things in it", async () => {
    const [empty, used] = [join(dir, "empty"), join(dir, "used")];
    for (const path of [empty, used]) {
      await mkdir(path);
      await chmod(path, 0o755);
    }
    await writeFile(join(used, "other"), "");
    expect((await make(empty)).isOpenToOthers).to.equal(false);
    expect((await stat(empty)).mode & 0o777).to.equal(0o700);
    expect((await make(used)).isOpenToOthers).to.equal(true);
    expect((await stat(used)).mode & 0o777).to.equal(0o755);
  });

  it("removes what a killed run left, but not the draft of one under way", async () => {
    const [stale, fresh] = [join(dir, draftName(NOBODY)), join(dir, draftName(NOBODY))];
    for (const draft of [stale, fresh]) await writeFile(draft, "key");
    await utimes(stale, NOW / 1000 - 3600, NOW / 1000 - 3600);
    await utimes(fresh, NOW / 1000 - 1, NOW / 1000 - 1);
    await make(dir);
    const left = (await readdir(dir)).filter(isDraft);
    expect(left).to.deep.equal([basename(fresh)]);
  });

  it("of racing runs none mixes keys and certificates, and one more run completes the rest", async () => {
    const path = join(dir, "kes");
    const layout = await layoutOf(path);
    const now = async () => makeFolder(layout, { ...OPTIONS, nowMs: Date.now() });
    const ends = await Promise.allSettled(Array.from({ length: 8 }, now));
    for (const end of ends) {
      if (end.status === "rejected") expect(end.reason).to.be.instanceOf(CommandError);
    }
    if (ends.every((end) => end.status === "rejected")) await now();
    const certificates = await readFolder(layout);
    for (const end of ends) {
      if (end.status === "fulfilled") expect(end.value.certificates).to.deep.equal(certificates);
    }
    expect(await failure(path)).to.include("is complete already");
    expect((await readdir(path)).filter(isDraft)).to.deep.equal([]);
  });

  async function copy(path: string, from: string, to: string): Promise<void> {
    await writeFile(join(path, to), await readFile(join(path, from)));
  }
  async function encrypt(path: string): Promise<void> {
    const { key } = selfSigned();
    const pem = key.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" });
    await writeFile(join(path, "server.key"), pem);
  }
});

describe("cli/init/names", () => {
  const namesFor = (hostname: string, ip: string[] = [], dns: string[] = []) =>
    namesOf({ hostname, ip, dns });

  it("names this host once under each name", () => {
    expect(namesFor("box", ["10.0.0.1", "::1"], ["kes.example", "box"])).to.deep.equal({
      dns: ["localhost", "box", "kes.example"],
      ip: ["127.0.0.1", "::1", "10.0.0.1"],
    });
    for (const odd of ["", "my box", "localhost", "10.0.0.1"]) {
      expect(namesFor(odd).dns, odd).to.deep.equal(["localhost"]);
    }
  });

  it("refuses flags that no certificate can hold", () => {
    for (const ip of ["", "1.2.3", "host"]) expect(() => namesFor("h", [ip])).to.throw(UsageError, "--ip");
    for (const dns of ["", "a b", "-x"]) expect(() => namesFor("h", [], [dns])).to.throw(UsageError, "--dns");
  });

  it("reads Go durations of a second and more", () => {
    expect(expiryOf()).to.equal(365 * 24 * HOUR_MS);
    expect(expiryOf("1h30m")).to.equal(1.5 * HOUR_MS);
    for (const bad of ["", "1d", "12", "0s", "-1h", "999ms", "9999999999h"]) {
      expect(() => expiryOf(bad), bad).to.throw(UsageError, "--expiry");
    }
  });
});
