/** `kes migrate` and the commands on bundles, as processes: from folder to folder, and to OpenBao. */
import { spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { type RunResult, until } from "../support/child-process.js";
import { CleanUp } from "../support/clean-up.js";
import { FaultProxy } from "../support/fault-proxy.js";
import { KeystoreSite, keyValue } from "../support/keystore-site.js";
import { CREDENTIALS, Moto, REGION } from "../support/moto.js";
import { requireService } from "../support/services/index.js";
import { Vault } from "../support/vault.js";

const PASSPHRASE = { KES_BUNDLE_PASSPHRASE: "correct horse battery staple" };

describe("kes migrate", function () {
  this.timeout(60_000);
  const cleanUp = new CleanUp();
  let site: KeystoreSite;
  let next = 0;

  before(async () => {
    site = await KeystoreSite.make();
    cleanUp.add(() => site.remove());
  });
  after(() => cleanUp.run());

  /** Two folders, the first with keys, and how to migrate between them. */
  async function pair(count = 3): Promise<{
    readonly from: string;
    readonly to: string;
    migrate(...flags: string[]): Promise<RunResult>;
  }> {
    const [from, to] = [`from-${next}`, `to-${next++}`];
    await site.fill(from, count);
    const ends = ["--from", await site.fs(from), "--to", await site.fs(to)];
    return { from, to, migrate: (...flags) => site.kes(["migrate", ...ends, ...flags]) };
  }

  async function put(folder: string, name: string, value: string | Buffer): Promise<void> {
    await mkdir(site.path(folder), { recursive: true, mode: 0o700 });
    await writeFile(join(site.path(folder), name), value, { mode: 0o600 });
  }

  it("copies every byte, also of what is no key to it", async () => {
    const { from, to, migrate } = await pair();
    await put(from, "legacy", `{"bytes":"${Buffer.alloc(32, 7).toString("base64")}"}`);
    await put(from, "strange", "something else\n");
    const { code, stdout, stderr } = await migrate();
    expect([code, stdout]).to.deep.equal([0, "Migrated      5 keys successfully!\n"]);
    expect(stderr).to.equal('kes: key "strange" is no key to this version; copied as it is\n');
    expect(await site.keys(to)).to.deep.equal(await site.keys(from));
    expect((await stat(join(site.path(to), "legacy"))).mode & 0o777).to.equal(0o600);
    const again = await migrate();
    expect([again.code, again.stdout]).to.deep.equal([0, "Migration succeeded! No keys migrated.\n"]);
  });

  it("copies what matches the pattern", async () => {
    const { to, migrate } = await pair(12);
    expect((await migrate("key-0001?")).stdout).to.equal("Migrated      2 keys successfully!\n");
    expect(Object.keys(await site.keys(to))).to.deep.equal(["key-00010", "key-00011"]);
  });

  it("changes nothing with --dry-run, and does not even make the folder", async () => {
    const { to, migrate } = await pair();
    const missing = await migrate("--dry-run");
    expect(missing.code).to.equal(1);
    expect(missing.stderr).to.match(/it does not exist/);
    await mkdir(site.path(to), { mode: 0o700 });
    const { code, stdout } = await migrate("--dry-run");
    expect([code, stdout]).to.deep.equal([
      0,
      "Would migrate      3 keys; 0 there already, 0 different, 0 failed\n",
    ]);
    expect(await site.keys(to)).to.deep.equal({});
  });

  it("takes a folder that is misspelt for no empty key store", async () => {
    const { migrate } = await pair();
    await rm(site.path(`from-${next - 1}`), { recursive: true });
    const { code, stderr } = await migrate();
    expect([code, stderr]).to.satisfy(() => code === 1 && /it does not exist/.test(stderr), stderr);
    expect(await readdir(site.folder)).not.to.include(`from-${next - 1}`);
  });

  it("stops at a key that has another value, and says how to go on", async () => {
    const { to, migrate } = await pair();
    await put(to, "key-00001", keyValue());
    const before = await site.keys(to);
    const { code, stderr } = await migrate();
    expect(code).to.equal(1);
    expect(stderr).to.match(
      /^Error: key "key-00001" exists at the target with another value\nkes: --dry-run/m,
    );
    expect((await site.keys(to))["key-00001"]).to.equal(before["key-00001"]);
  });

  it("keeps what differs with --merge, and does not call that a success", async () => {
    const { to, migrate } = await pair();
    await put(to, "key-00001", keyValue());
    const kept = (await site.keys(to))["key-00001"];
    const { code, stdout, stderr } = await migrate("--merge");
    expect([code, stdout]).to.deep.equal([
      1,
      "Migrated      2 keys; 0 there already, 1 different, 0 failed\n",
    ]);
    expect(stderr).to.equal('kes: key "key-00001" has another value at the target, which was kept\n');
    expect((await site.keys(to))["key-00001"]).to.equal(kept);
  });

  it("replaces with --force, and keeps the old values where they can be restored", async () => {
    const { from, to, migrate } = await pair();
    await put(to, "key-00001", keyValue());
    const old = await site.keys(to);
    const { code, stdout, stderr } = await migrate("--force", "--old-values", `old-${to}.kesbundle`);
    expect([code, stdout]).to.deep.equal([0, "Migrated      3 keys successfully!\n"]);
    expect(stderr).to.include(`old-${to}.kesbundle`);
    expect(await site.keys(to)).to.deep.equal(await site.keys(from));
    for (const name of [`old-${to}.kesbundle`, `old-${to}.key`]) {
      expect((await stat(site.path(name))).mode & 0o777).to.equal(0o600);
    }
    const restored = await site.fs(`restored-${to}`);
    const args = [`old-${to}.kesbundle`, restored, "--key", `old-${to}.key`];
    expect((await site.kes(["keystore", "import", ...args])).code).to.equal(0);
    expect(await site.keys(`restored-${to}`)).to.deep.equal(old);
  });

  it("locks old values with the passphrase when there is one, and makes no file without need", async () => {
    const { from, to } = await pair();
    const ends = [
      "migrate",
      "--force",
      "--from",
      `${from}.yml`,
      "--to",
      `${to}.yml`,
      "--old-values",
      `p-${to}`,
    ];
    expect((await site.kes(ends, PASSPHRASE)).code).to.equal(0);
    expect((await readdir(site.folder)).filter((name) => name.startsWith(`p-${to}`))).to.deep.equal([]);
    await put(to, "key-00001", keyValue());
    expect((await site.kes(ends, PASSPHRASE)).code).to.equal(0);
    expect((await readdir(site.folder)).filter((name) => name.startsWith(`p-${to}`))).to.deep.equal([
      `p-${to}.kesbundle`,
    ]);
    const drill = await site.kes(["keystore", "drill", `p-${to}.kesbundle`], PASSPHRASE);
    expect([drill.code, drill.stdout]).to.satisfy(() => /1 opened what was sealed/.test(drill.stdout));
  });

  it("replaces nothing when the old values cannot be kept", async () => {
    const { to, migrate } = await pair();
    await put(to, "key-00001", keyValue());
    const before = await site.keys(to);
    const { code, stderr } = await migrate("--force", "--old-values", "no/such/folder/old");
    expect(code, stderr).to.equal(1);
    expect((await site.keys(to))["key-00001"]).to.equal(before["key-00001"]);
  });

  it("compares with --verify-only", async () => {
    const { to, migrate } = await pair();
    expect((await migrate()).code).to.equal(0);
    await put(to, "extra", keyValue());
    const same = await migrate("--verify-only");
    expect([same.code, same.stdout]).to.deep.equal([
      0,
      "Compared      3 keys: 3 identical, 0 different, 0 missing, 0 failed, 1 only at the target\n",
    ]);
    await put(to, "key-00001", keyValue());
    await rm(join(site.path(to), "key-00002"));
    const { code, stdout } = await migrate("--verify-only", "--json");
    expect(code).to.equal(1);
    expect(JSON.parse(stdout)).to.deep.include({
      mode: "verify-only",
      complete: true,
      identical: false,
      same: 1,
      missing: 1,
      differing: { count: 1, names: ["key-00001"] },
      only_at_target: { count: 1, names: ["extra"] },
    });
  });

  /** Starts a migration and kills it when the target holds `at` keys. @returns how it ended */
  async function endedAt(
    ends: readonly string[],
    folder: string,
    at: number,
    signal: NodeJS.Signals,
  ): Promise<{
    readonly code: number | null;
    readonly signal: NodeJS.Signals | null;
    readonly stderr: string;
  }> {
    const [program, ...words] = site.program;
    const child = spawn(program, [...words, "migrate", ...ends], { cwd: site.folder });
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    const ended = once(child, "close");
    const keysThere = (): number => {
      try {
        return readdirSync(site.path(folder)).filter((name) => !name.startsWith(".")).length;
      } catch {
        // Not made yet.
        return 0;
      }
    };
    await until("keys to arrive", async () => child.exitCode !== null || keysThere() >= at);
    child.kill(signal);
    const [code, by] = await ended;
    return { code, signal: by, stderr };
  }

  it("comes to its end after kill -9 at any moment, with the same bytes", async () => {
    const { from, to, migrate } = await pair(600);
    const ends = ["--from", `${from}.yml`, "--to", `${to}.yml`, "--parallel", "2"];
    let killed = 0;
    for (const at of [20, 90, 160, 230, 300]) {
      if ((await endedAt(ends, to, at, "SIGKILL")).signal === "SIGKILL") killed++;
    }
    expect(killed).to.be.at.least(2);
    const { code, stdout } = await migrate("--json");
    expect(code).to.equal(0);
    const report: { migrated: number; same: number } = JSON.parse(stdout);
    expect(report.migrated + report.same).to.equal(600);
    expect(report.same).to.be.at.least(20);
    const there = Object.entries(await site.keys(to)).filter(([name]) => !name.startsWith("."));
    expect(Object.fromEntries(there)).to.deep.equal(await site.keys(from));
  });

  it("ends at Ctrl-C with what was copied whole, and says that it can go on", async () => {
    const { from, to, migrate } = await pair(600);
    const ends = ["--from", `${from}.yml`, "--to", `${to}.yml`, "--parallel", "2"];
    const { code, stderr } = await endedAt(ends, to, 20, "SIGINT");
    expect(code).to.equal(1);
    expect(stderr).to.match(/interrupted: nothing is half-done/);
    const source = await site.keys(from);
    const there = Object.entries(await site.keys(to));
    expect(there.length).to.be.within(20, 599);
    for (const [name, value] of there) expect(value).to.equal(source[name]);
    expect((await migrate()).code).to.equal(0);
  });

  it("does not replace where the name of a deleted key stays taken: AWS with a recovery window", async function () {
    const moto = await Moto.start(requireService(this, "moto"), site.folder);
    cleanUp.add(() => moto.stop());
    const { from } = await pair(2);
    const aws = { endpoint: moto.url, region: REGION, credentials: CREDENTIALS };
    const ends = [
      "migrate",
      "--from",
      `${from}.yml`,
      "--to",
      await site.config("aws", { aws: { secretsmanager: aws } }),
    ];
    const old = keyValue().toString("latin1");
    await moto.create("key-00001", old);
    const refused = await site.kes([...ends, "--force"]);
    expect([refused.code, refused.stderr]).to.satisfy(
      () => refused.code === 1 && /does not give the name of a deleted key free at once/.test(refused.stderr),
      refused.stderr,
    );
    expect(await moto.text("key-00001")).to.equal(old);
    const atOnce = { ...aws, delete: { recovery_window: 0 } };
    await site.config("aws", { aws: { secretsmanager: atOnce } });
    const { code, stderr } = await site.kes([...ends, "--force", "--old-values", "old-aws"]);
    expect(code, stderr).to.equal(0);
    expect(await moto.text("key-00001")).to.equal((await site.keys(from))["key-00001"]);
  });

  describe("to OpenBao", () => {
    let vault: Vault;
    let proxy: FaultProxy;

    before(async function () {
      const program = requireService(this, "bao");
      vault = await Vault.start(program, site.path("bao"));
      cleanUp.add(() => vault.stop());
      proxy = await FaultProxy.start(vault.url);
      cleanUp.add(() => proxy.stop());
    });

    async function engine(): Promise<{ readonly path: string; readonly file: string }> {
      const path = `kv-${next++}`;
      await vault.mountKv(path, "2");
      const options = { endpoint: proxy.url, engine: path, version: "v2", token: vault.rootToken };
      return { path, file: await site.config(path, { vault: options }) };
    }

    async function stored(path: string, name: string): Promise<unknown> {
      const { body } = await vault.try("GET", `${path}/data/${name}?version=1`);
      return JSON.parse(JSON.stringify(body)).data?.data?.[name];
    }

    it("copies there and back, through answers that are lost, cut and doubled", async () => {
      const { from } = await pair(40);
      const { path, file } = await engine();
      const faults = ["lose the answer", "cut the answer", "double the request", "lose the request"] as const;
      let asked = 0;
      proxy.script = (method, url) => {
        if (method !== "POST" || !url.includes(`/${path}/data/`)) return undefined;
        return asked++ % 3 === 0 ? faults[asked % faults.length] : undefined;
      };
      const there = await site.kes(["migrate", "--from", `${from}.yml`, "--to", file]);
      proxy.script = () => undefined;
      expect([there.code, there.stdout], there.stderr).to.deep.equal([
        0,
        "Migrated     40 keys successfully!\n",
      ]);
      const back = await site.kes(["migrate", "--from", file, "--to", await site.fs(`back-${path}`)]);
      expect(back.code).to.equal(0);
      expect(await site.keys(`back-${path}`)).to.deep.equal(await site.keys(from));
    });

    it("never has neither value: killed between the delete and the create of --force", async () => {
      const { from } = await pair(1);
      const { path, file } = await engine();
      const old = keyValue().toString("latin1");
      await vault.call("POST", `${path}/data/key-00000`, { data: { "key-00000": old } });
      let isDeleted = false;
      let hangs = false;
      proxy.script = (method, url) => {
        if (method === "DELETE" && url.includes("key-00000")) isDeleted = true;
        if (!isDeleted || method !== "POST" || !url.includes("/data/key-00000")) return undefined;
        hangs = true;
        return "hang";
      };
      const [program, ...words] = site.program;
      const ends = ["--from", `${from}.yml`, "--to", file, "--force", "--old-values", `old-${path}`];
      const child = spawn(program, [...words, "migrate", ...ends], { cwd: site.folder });
      const ended = once(child, "close");
      await until("the create to hang", async () => hangs);
      child.kill("SIGKILL");
      await ended;
      proxy.script = () => undefined;
      expect(await stored(path, "key-00000")).to.equal(undefined);
      // The old value is in the bundle, the new one at the source; the same command puts it there.
      const again = await site.kes(["migrate", "--from", `${from}.yml`, "--to", file, "--force"]);
      expect([again.code, again.stdout]).to.deep.equal([0, "Migrated      1 keys successfully!\n"]);
      expect(await stored(path, "key-00000")).to.equal((await site.keys(from))["key-00000"]);
      const args = [`old-${path}.kesbundle`, await site.fs(`old-${path}`), "--key", `old-${path}.key`];
      expect((await site.kes(["keystore", "import", ...args])).code).to.equal(0);
      expect(await site.keys(`old-${path}`)).to.deep.equal({ "key-00000": old });
    });

    it("says why a key store cannot be read, written or listed", async () => {
      const { from } = await pair(1);
      const { path, file } = await engine();
      const denied: readonly (readonly [method: string, part: string, text: RegExp])[] = [
        [
          "GET",
          "/metadata",
          /^Error: cannot list the keys of Hashicorp Vault: \S+ vault: GET .*: 403: no: the policy/m,
        ],
        ["POST", "/data/key-00000", /^kes: key "key-00000" failed: vault: POST .*: 403: no: the policy/m],
      ];
      for (const [method, part, text] of denied) {
        proxy.script = (by, url) =>
          by === method && url.includes(`/${path}${part}`)
            ? { status: 403, body: '{"errors":["no"]}' }
            : undefined;
        const { code, stderr } = await site.kes(["migrate", "--from", `${from}.yml`, "--to", file]);
        proxy.script = () => undefined;
        expect([code, stderr]).to.satisfy(() => code === 1 && text.test(stderr), stderr);
      }
    });

    it("waits for a Vault that is restarted", async () => {
      const { from } = await pair(5);
      const { path, file } = await engine();
      let refused = 0;
      proxy.script = (method, url) =>
        method === "POST" && url.includes(`/${path}/data/`) && refused++ < 8
          ? { status: 503, body: '{"errors":["Vault is sealed"]}' }
          : undefined;
      const { code, stdout, stderr } = await site.kes([
        ...["migrate", "--parallel", "1"],
        ...["--from", `${from}.yml`, "--to", file],
      ]);
      proxy.script = () => undefined;
      expect([code, stdout], stderr).to.deep.equal([0, "Migrated      5 keys successfully!\n"]);
      expect(stderr).to.match(/waiting for it/);
    });
  });
});

describe("kes keystore export, import and drill", function () {
  this.timeout(60_000);
  const cleanUp = new CleanUp();
  let site: KeystoreSite;
  let config: string;

  before(async () => {
    site = await KeystoreSite.make();
    cleanUp.add(() => site.remove());
    await site.fill("keys", 20);
    config = await site.fs("keys");
  });
  after(() => cleanUp.run());

  it("restores what was exported with a passphrase, into an empty key store", async () => {
    const made = await site.kes(["keystore", "export", config, "all.kesbundle"], PASSPHRASE);
    expect([made.code, made.stdout]).to.satisfy(() =>
      /^Exported +20 keys to all.kesbundle/.test(made.stdout),
    );
    expect((await stat(site.path("all.kesbundle"))).mode & 0o777).to.equal(0o600);
    const back = await site.kes(["keystore", "import", "all.kesbundle", await site.fs("back")], PASSPHRASE);
    expect([back.code, back.stdout]).to.deep.equal([0, "Migrated     20 keys successfully!\n"]);
    expect(await site.keys("back")).to.deep.equal(await site.keys("keys"));
    const again = await site.kes(["keystore", "import", "all.kesbundle", "back.yml"], PASSPHRASE);
    expect([again.code, again.stdout]).to.deep.equal([0, "Migration succeeded! No keys migrated.\n"]);
    await writeFile(site.path("passphrase"), `${PASSPHRASE.KES_BUNDLE_PASSPHRASE}\n`, { mode: 0o600 });
    const flags = ["--passphrase-file", "passphrase", "--json"];
    const drill = await site.kes(["keystore", "drill", "all.kesbundle", ...flags]);
    expect(JSON.parse(drill.stdout)).to.deep.include({ keys: 20, opened: 20, not_keys: [], broken: [] });
  });

  it("restores what was exported for a recipient", async () => {
    const { publicKey, privateKey } = generateKeyPairSync("x25519");
    await writeFile(site.path("backup.pub"), publicKey.export({ format: "pem", type: "spki" }));
    await writeFile(site.path("backup.key"), privateKey.export({ format: "pem", type: "pkcs8" }), {
      mode: 0o600,
    });
    const args = [config, "for.kesbundle", "--recipient", "backup.pub", "--keys", "key-0000?"];
    expect((await site.kes(["keystore", "export", ...args])).code).to.equal(0);
    const without = await site.kes(["keystore", "drill", "for.kesbundle"], PASSPHRASE);
    expect([without.code, without.stderr]).to.deep.equal([
      1,
      "Error: 'for.kesbundle' was made for a recipient: give the private key with --key FILE\n",
    ]);
    const drill = await site.kes(["keystore", "drill", "for.kesbundle", "--key", "backup.key"]);
    expect([drill.code, drill.stdout]).to.satisfy(() => /^Keys +10, read in/m.test(drill.stdout));
  });

  it("stores nothing of a bundle that is cut short", async () => {
    const whole = await readFile(site.path("all.kesbundle"));
    await writeFile(site.path("cut.kesbundle"), whole.subarray(0, whole.length - 1));
    await mkdir(site.path("untouched"), { mode: 0o700 });
    const { code, stderr } = await site.kes(
      ["keystore", "import", "cut.kesbundle", await site.fs("untouched")],
      PASSPHRASE,
    );
    expect([code, stderr]).to.deep.equal([1, "Error: 'cut.kesbundle' is truncated: its end is missing\n"]);
    expect(await site.keys("untouched")).to.deep.equal({});
  });

  it("does not overwrite, and leaves nothing unfinished", async () => {
    const before = await readFile(site.path("all.kesbundle"));
    const taken = await site.kes(["keystore", "export", config, "all.kesbundle"], PASSPHRASE);
    expect([taken.code, taken.stderr]).to.deep.equal([
      1,
      "Error: 'all.kesbundle' exists\nkes: --force replaces it, once the new one is complete\n",
    ]);
    expect(before.equals(await readFile(site.path("all.kesbundle")))).to.equal(true);
    await mkdir(join(site.path("keys"), "key-folder"));
    await writeFile(join(site.path("keys"), "empty"), "", { mode: 0o600 });
    const failed = await site.kes(["keystore", "export", config, "part.kesbundle"], PASSPHRASE);
    expect([failed.code, failed.stderr]).to.satisfy(
      () => /^Error: key "empty" cannot be read: .*empty/m.test(failed.stderr),
      failed.stderr,
    );
    const names = await readdir(site.folder);
    expect(names.filter((name) => name === "part.kesbundle" || name.startsWith("."))).to.deep.equal([]);
    const part = await site.kes(
      ["keystore", "export", config, "part.kesbundle", "--skip-failed"],
      PASSPHRASE,
    );
    expect([part.code, part.stdout]).to.satisfy(
      () => part.code === 1 && /^Exported +20 keys/.test(part.stdout),
    );
    await rm(join(site.path("keys"), "empty"));
    await rm(join(site.path("keys"), "key-folder"), { recursive: true });
  });

  const refused: readonly (readonly [argv: string[], env: Record<string, string>, text: RegExp])[] = [
    [["export", "keys.yml", "x"], {}, /cannot ask "Enter a passphrase.*\nkes: set KES_BUNDLE_PASSPHRASE/],
    [["export", "keys.yml", "x"], { KES_BUNDLE_PASSPHRASE: "" }, /passphrase is empty/],
    [["export", "keys.yml", "x", "--recipient", "nowhere.pub"], {}, /recipient 'nowhere.pub': no such file/],
    [["export", "keys.yml", "x", "--recipient", "keys.yml"], {}, /not a public key in PEM/],
    [["export", "keys.yml", "x", "--recipient", "backup.key"], {}, /is a private key.*\nkes: openssl pkey/],
    [["export", "keys.yml", "x", "--recipient", "ed.pub"], {}, /X25519 is needed, not of ed25519/],
    [["export", "keys.yml", "x", "--recipient", "a", "--passphrase-file", "b"], {}, /mutually exclusive/],
    [["drill", "keys.yml"], PASSPHRASE, /'keys.yml' is no bundle of keys/],
    [["drill", "nowhere"], PASSPHRASE, /cannot read 'nowhere': no such file/],
    [["drill", "all.kesbundle"], { KES_BUNDLE_PASSPHRASE: "something else" }, /passphrase is wrong/],
    [["drill", "all.kesbundle", "--key", "backup.key"], {}, /locked with a passphrase, not for a key/],
    [["drill", "-"], PASSPHRASE, /standard input is not a regular file/],
    [["import", "all.kesbundle", "keys.yml", "--force", "--merge"], {}, /mutually exclusive/],
  ];
  for (const [argv, env, text] of refused) {
    it(`refuses ${argv.join(" ")}`, async () => {
      const ed = generateKeyPairSync("ed25519").publicKey.export({ format: "pem", type: "spki" });
      await writeFile(site.path("ed.pub"), ed);
      const { code, stdout, stderr } = await site.kes(["keystore", ...argv], env);
      expect([code, stdout]).to.deep.equal([1, ""]);
      expect(stderr).to.match(text);
      expect(await readdir(site.folder)).not.to.include("x");
    });
  }

  it("warns of a passphrase file that others can read, and of a short passphrase", async () => {
    await writeFile(site.path("open"), "short\n");
    await chmod(site.path("open"), 0o644);
    const { code, stderr } = await site.kes([
      ...["keystore", "export", config, "short.kesbundle"],
      ...["--passphrase-file", "open"],
    ]);
    expect(code).to.equal(0);
    expect(stderr).to.match(/can read the passphrase file 'open'/);
    expect(stderr).to.match(/passphrase is short/);
    expect(stderr).not.to.include("short\n");
  });
});
