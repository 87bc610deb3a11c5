/** `kes keystore check` and `policy` as processes, against OpenBao and folders that are set up wrong. */
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { createServer as createPlainServer, type Server } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import { selfSigned } from "../support/certificates.js";
import { freePort, run } from "../support/child-process.js";
import { CleanUp } from "../support/clean-up.js";
import { KeystoreSite } from "../support/keystore-site.js";
import { requireService } from "../support/services/index.js";
import { Vault } from "../support/vault.js";

interface Finding {
  readonly usable: boolean;
  readonly keystore: string | null;
  readonly probes: readonly { readonly probe: string; readonly outcome: string; readonly reason?: string }[];
  readonly missing: readonly string[];
  readonly leftover: string | null;
}

describe("kes keystore check against OpenBao", function () {
  this.timeout(120_000);
  const cleanUp = new CleanUp();
  const rows: string[][] = [];
  let site: KeystoreSite;
  let vault: Vault;
  let next = 0;

  before(async function () {
    const program = requireService(this, "bao");
    site = await KeystoreSite.make();
    cleanUp.add(() => site.remove());
    vault = await Vault.start(program, site.path("bao"));
    cleanUp.add(() => vault.stop());
    await vault.mountKv("kv", "2");
    await vault.mountKv("old", "1");
    await vault.call("POST", "sys/mounts/transit", { type: "transit" });
    await vault.call("POST", "transit/keys/kes", {});
    await vault.call("POST", "sys/namespaces/team", {});
    await vault.mountKv("kv", "2", "team");
  });
  after(async () => {
    await cleanUp.run();
    const widths = [0, 1].map((i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
    for (const [what = "", finding = "", remedy = ""] of rows) {
      console.log(`      ${what.padEnd(widths[0] ?? 0)}  ${finding.padEnd(widths[1] ?? 0)}  ${remedy}`);
    }
  });

  /** A configuration of its own for Vault. */
  function config(vaultOptions: object): Promise<string> {
    return site.config(`vault-${next++}`, { vault: { endpoint: vault.url, version: "v2", ...vaultOptions } });
  }

  async function check(file: string, ...flags: string[]): Promise<{ finding: Finding; code: number | null }> {
    const { code, stdout, stderr } = await site.kes(["keystore", "check", "--json", file, ...flags]);
    expect(stdout, stderr).to.match(/^\{/);
    const finding: Finding = JSON.parse(stdout);
    expect(finding.usable).to.equal(code === 0);
    return { finding, code };
  }

  /** The policy that `kes keystore policy` writes for `place`. */
  async function policyOf(place: object): Promise<string> {
    const { code, stdout } = await site.kes([
      "keystore",
      "policy",
      await config({ ...place, token: "none" }),
    ]);
    expect(code).to.equal(0);
    return stdout;
  }

  async function withPolicy(place: object, policy: string, namespace?: string): Promise<string> {
    const approle = await vault.appRole(
      `role-${next++}`,
      policy,
      namespace === undefined ? {} : { namespace },
    );
    return config({ ...place, approle });
  }

  /** Names of keys that a check could have left. */
  async function left(): Promise<unknown> {
    const { body } = await vault.try("GET", "kv/metadata/keys?list=true");
    return body.data ?? [];
  }

  const places: Readonly<Record<string, { readonly options: object; readonly namespace?: string }>> = {
    "version 2, prefix": { options: { engine: "kv", prefix: "keys" } },
    "version 2, no prefix": { options: { engine: "kv" } },
    "version 1": {
      options: { engine: "old", version: "v1", prefix: "a/b", v1: { allow_racy_create: true } },
    },
    "version 2, transit": { options: { engine: "kv", prefix: "keys", transit: { key: "kes" } } },
    "version 2, namespace": { options: { engine: "kv", namespace: "team" }, namespace: "team" },
  };

  for (const [what, { options, namespace }] of Object.entries(places)) {
    it(`is content with what 'kes keystore policy' writes: ${what}`, async () => {
      const file = await withPolicy(options, await policyOf(options), namespace);
      const { finding } = await check(file);
      expect(finding.missing, JSON.stringify(finding)).to.deep.equal([]);
      expect(finding.probes.map(({ outcome }) => outcome)).to.deep.equal(Array(8).fill("ok"));
    });
  }

  it("says how long a read takes, on a page for people", async () => {
    const place = { engine: "kv", prefix: "keys" };
    const { code, stdout } = await site.kes([
      ...["keystore", "check"],
      await withPolicy(place, await policyOf(place)),
    ]);
    expect(code).to.equal(0);
    expect(stdout).to.match(/^Key store {2}Hashicorp Vault: http/);
    expect(stdout).to.match(/ok +read a key +[\d.]+ \/ [\d.]+ \/ [\d.]+ ms \(least, median, most of 20\)/);
    expect(stdout.split("\n").filter((line) => line.length > 80)).to.deep.equal([]);
  });

  it("uses names that a narrow policy allows", async () => {
    const narrow = [
      'path "kv/data/keys/minio-*" { capabilities = ["create", "read"] }',
      'path "kv/metadata/keys/minio-*" { capabilities = ["delete"] }',
      'path "kv/metadata/keys/" { capabilities = ["list"] }',
      'path "kv/data/keys/_keswick_probe" { capabilities = ["read"] }',
    ].join("\n");
    const file = await withPolicy({ engine: "kv", prefix: "keys" }, narrow);
    expect((await check(file)).finding.usable).to.equal(false);
    expect((await check(file, "--prefix", "minio-")).finding.usable).to.equal(true);
  });

  const DATA = 'path "kv/data/keys/*" { capabilities = ["create", "read"] }';
  const META = 'path "kv/metadata/keys/*" { capabilities = ["delete", "list"] }';
  const permissions: readonly (readonly [what: string, change: (policy: string) => string, line: string])[] =
    [
      ["no permission to create", (text) => text.replace('"create", ', ""), DATA],
      ["no permission to read", (text) => text.replace(', "read"', ""), DATA],
      ["no permission to delete", (text) => text.replace('"delete", ', ""), META],
      ["no permission to list", (text) => text.replace(/(, )?"list"/g, ""), META],
      [
        "no permission to encrypt by transit",
        (text) => text.replace(/.*transit\/encrypt.*\n/, ""),
        'path "transit/encrypt/kes" { capabilities = ["update"] }',
      ],
      [
        "no permission to decrypt by transit",
        (text) => text.replace(/.*transit\/decrypt.*\n/, ""),
        'path "transit/decrypt/kes" { capabilities = ["update"] }',
      ],
    ];

  for (const [what, change, line] of permissions) {
    it(`finds ${what}, and prints the line`, async () => {
      const place = { engine: "kv", prefix: "keys", transit: { key: "kes" } };
      const whole = await policyOf(place);
      const lacking = change(whole);
      expect(lacking).not.to.equal(whole);
      const { finding, code } = await check(await withPolicy(place, lacking));
      expect(code).to.equal(1);
      expect(finding.missing).to.deep.equal([line]);
      expect(whole).to.include(line);
      expect(await left()).to.deep.equal([]);
      const failed = finding.probes.filter(({ outcome }) => outcome === "failed");
      rows.push([what, failed.map(({ probe }) => probe).join(", "), `add ${finding.missing[0]}`]);
    });
  }

  interface WrongSetUp {
    readonly what: string;
    readonly prepare: () => Promise<string>;
    /** The probe that fails, and what is said. */
    readonly finds: readonly [probe: string, reason: RegExp];
  }

  /** A server on loopback that ends with the tests. */
  async function listening(server: Server): Promise<number> {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    cleanUp.add(() => new Promise<void>((resolve) => server.close(() => resolve())));
    return (server.address() as AddressInfo).port;
  }

  async function tlsVault(options: Parameters<typeof selfSigned>[0], trusts = true): Promise<string> {
    const { certPem, keyPem } = selfSigned(options);
    const port = await listening(
      createServer({ cert: certPem, key: keyPem }, (_, answer) => answer.end("{}")),
    );
    const ca = `ca-${next++}.crt`;
    await writeFile(site.path(ca), trusts ? certPem : selfSigned({ cn: "another" }).certPem);
    return config({ endpoint: `https://127.0.0.1:${port}`, token: "t", tls: { ca } });
  }

  const wrong: readonly WrongSetUp[] = [
    {
      what: "wrong secret id",
      async prepare() {
        const approle = await vault.appRole("wrong-secret", DATA);
        return config({ approle: { ...approle, secret: "00000000-0000-0000-0000-000000000000" } });
      },
      finds: ["open", /auth\/approle\/login: 400: invalid/],
    },
    {
      what: "wrong mount of the log-in",
      async prepare() {
        const approle = await vault.appRole("wrong-mount", DATA);
        return config({ approle: { ...approle, engine: "nowhere" } });
      },
      finds: ["open", /auth\/nowhere\/login: 403: .*check 'engine'/],
    },
    {
      what: "a token that was revoked",
      async prepare() {
        const token = await vault.token();
        await vault.call("POST", "auth/token/revoke", { token });
        return config({ token });
      },
      finds: ["status", /403/],
    },
    {
      what: "an engine that is not mounted",
      prepare: () => config({ engine: "nowhere", token: vault.rootToken }),
      finds: ["status", /nothing is mounted there: check 'engine'/],
    },
    {
      what: "an engine that is no KV engine",
      prepare: () => config({ engine: "transit", token: vault.rootToken }),
      finds: ["open", /of the type 'transit' and no KV engine: check 'engine'/],
    },
    {
      what: "version 1 configured, 2 mounted",
      prepare: () => config({ engine: "kv", version: "v1", token: vault.rootToken }),
      finds: ["open", /set 'version: v2'/],
    },
    {
      what: "version 2 configured, 1 mounted",
      prepare: () => config({ engine: "old", token: vault.rootToken }),
      finds: ["open", /set 'version: v1'/],
    },
    {
      what: "version 1, which cannot decide races",
      prepare: () => config({ engine: "old", version: "v1", token: vault.rootToken }),
      finds: ["create", /use version 2, or set 'v1.allow_racy_create/],
    },
    {
      what: "a namespace that does not exist",
      prepare: () => config({ engine: "kv", namespace: "nowhere", token: vault.rootToken }),
      finds: ["open", /404: namespace not found/],
    },
    {
      what: "a transit key that does not exist",
      async prepare() {
        const place = { engine: "kv", prefix: "keys", transit: { key: "other" } };
        return withPolicy(place, await policyOf(place));
      },
      finds: ["create", /transit\/encrypt\/other/],
    },
    {
      what: "a web server that is not Vault",
      async prepare() {
        const server = createPlainServer((_, answer) => answer.end("<html><body>hello</body></html>"));
        return config({ endpoint: `http://127.0.0.1:${await listening(server)}`, token: "t" });
      },
      finds: ["open", /not Vault's: check the endpoint/],
    },
    {
      what: "nothing that listens",
      prepare: async () => config({ endpoint: `http://127.0.0.1:${await freePort()}`, token: "t" }),
      finds: ["open", /nothing listens there: check the endpoint/],
    },
    {
      what: "a certificate for another name",
      prepare: () => tlsVault({ sans: ["vault.example"] }),
      finds: ["open", /for another name: check the endpoint/],
    },
    {
      what: "a certificate of an unknown CA",
      prepare: () => tlsVault({ sans: ["127.0.0.1"] }, false),
      finds: ["open", /not trusted: see tls.ca/],
    },
    {
      what: "a certificate that has expired",
      prepare: () => tlsVault({ sans: ["127.0.0.1"], notAfter: new Date(Date.now() - 60_000) }),
      finds: ["open", /certificate has expired/],
    },
    {
      what: "a CA file that is missing",
      prepare: () => config({ endpoint: "https://127.0.0.1:1", token: "t", tls: { ca: "nowhere.crt" } }),
      finds: ["open", /tls.ca: 'nowhere.crt' cannot be read/],
    },
    {
      what: "a key folder that does not exist",
      prepare: () => site.config(`fs-${next++}`, { fs: { path: site.path("nowhere") } }),
      finds: ["open", /it does not exist/],
    },
    {
      what: "a key folder that is a file",
      async prepare() {
        await writeFile(site.path("file"), "");
        return site.config(`fs-${next++}`, { fs: { path: site.path("file") } });
      },
      finds: ["open", /is not a directory/],
    },
    {
      what: "Vault sealed",
      async prepare() {
        await vault.call("PUT", "sys/seal");
        return config({ token: vault.rootToken });
      },
      finds: ["open", /unseal Vault/],
    },
  ];

  for (const { what, prepare, finds } of wrong) {
    it(`finds ${what}`, async () => {
      const { finding, code } = await check(await prepare());
      const failed = finding.probes.find(({ outcome }) => outcome === "failed");
      rows.push([what, failed?.probe ?? "nothing", failed?.reason ?? ""]);
      expect(code).to.equal(1);
      expect([failed?.probe, failed?.reason]).to.satisfy(
        () => failed?.probe === finds[0] && finds[1].test(failed.reason ?? ""),
        JSON.stringify(failed),
      );
      expect(finding.leftover).to.equal(null);
    });
  }
});

describe("kes keystore check on a folder", () => {
  const cleanUp = new CleanUp();
  let site: KeystoreSite;
  before(async () => {
    site = await KeystoreSite.make();
    cleanUp.add(() => site.remove());
  });
  after(() => cleanUp.run());

  it("leaves the folder as it was", async () => {
    await site.fill("keys", 3);
    const before = await site.keys("keys");
    const { code, stdout } = await site.kes(["keystore", "check", await site.fs("keys")]);
    expect([code, stdout]).to.satisfy(() => code === 0, stdout);
    expect(await site.keys("keys")).to.deep.equal(before);
  });

  it("finds a folder that cannot be written to", async function () {
    await mkdir(site.path("locked"), { mode: 0o500 });
    const args = [...site.program, "keystore", "check", "--json", await site.fs("locked")] as const;
    // Root may write anywhere, unless it gives that up.
    const asOther = [
      "setpriv",
      "--reuid=65534",
      "--regid=65534",
      "--clear-groups",
      "--no-new-privs",
    ] as const;
    const isRoot = process.getuid?.() === 0;
    if (isRoot) {
      await chmod(site.folder, 0o755);
      await chmod(site.path("locked"), 0o555);
      await chmod(site.path("locked.yml"), 0o644);
    }
    const command = isRoot ? ([...asOther, ...args] as const) : args;
    const { code, stdout, stderr } = await run(command, { cwd: site.folder });
    if (isRoot && !stdout.startsWith("{")) {
      console.log(
        `skipped: a folder that cannot be written to: no other user can run kes here: ${stderr.trim()}`,
      );
      return this.skip();
    }
    expect(stdout, stderr).to.match(/^\{/);
    const finding: Finding = JSON.parse(stdout);
    expect(code).to.equal(1);
    const failed = finding.probes.filter(({ outcome }) => outcome === "failed");
    expect(failed.map(({ probe }) => probe)).to.deep.equal(["create"]);
    expect(failed[0]?.reason).to.match(/permission denied/);
  });

  it("needs a configuration that can be read, and has no policy for a folder", async () => {
    const missing = await site.kes(["keystore", "check", "nowhere.yml"]);
    expect([missing.code, missing.stderr]).to.deep.equal([
      1,
      `Error: ${site.path("nowhere.yml")}: cannot read the configuration: no such file\n`,
    ]);
    const policy = await site.kes(["keystore", "policy", await site.fs("keys")]);
    expect(policy.code).to.equal(1);
    expect(policy.stderr).to.match(/no policy language/);
  });
});
