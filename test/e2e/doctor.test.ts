/** `kes doctor` against set-ups that work and set-ups that are broken, each in its own way; what it says is printed. */
import { chmod, rm } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { MemoryKeystore } from "../../keystores/memory/store.js";
import { ApiClient } from "../support/api-client.js";
import { certificateAuthority, issuedBy } from "../support/certificates.js";
import { freePort, run as runProcess } from "../support/child-process.js";
import { certificateFor, type DoctorFinding, DoctorSite } from "../support/doctor-site.js";
import { FaultyKeystore } from "../support/faulty-keystore.js";
import { kesProgram } from "../support/started-site.js";
import type { TestServer } from "../support/test-server.js";

const KEY = "minio-key";

/** A set-up that is broken on purpose. */
interface Broken {
  readonly what: string;
  /** Makes it. @returns what to examine, and as whom */
  readonly make: (site: DoctorSite) => Promise<{ args: readonly string[]; env?: Record<string, string> }>;
  readonly check: string;
  readonly level: "warning" | "error";
  readonly message: RegExp;
  readonly remedy: RegExp;
}

async function withKey(server: TestServer): Promise<TestServer> {
  const client = new ApiClient("h1", server.port, server.admin);
  await client.ok("PUT", `/v1/key/create/${KEY}`);
  return server;
}

const broken: readonly Broken[] = [
  {
    what: "a server certificate that has ended",
    async make(site) {
      const { url } = await site.start("ended", {}, certificateFor(-1, { notBefore: new Date(0) }));
      return { args: [], env: site.env("app", "ended", url) };
    },
    check: "server certificate",
    level: "error",
    message: /^the server's certificate ended on \d{4}-\d\d-\d\d$/,
    remedy: /kes identity renew/,
  },
  {
    what: "a server certificate for another name",
    async make(site) {
      const { url } = await site.start("elsewhere", {}, certificateFor(90, { sans: ["kes.example.com"] }));
      return { args: [], env: site.env("app", "elsewhere", url) };
    },
    check: "server name",
    level: "error",
    message: /does not name '127\.0\.0\.1'; it names: kes\.example\.com/,
    remedy: /--ip 127\.0\.0\.1$/,
  },
  {
    what: "a server whose authority is not trusted",
    async make(site) {
      const { url } = await site.start("own");
      await site.writePair("other", certificateFor(90));
      return { args: [], env: site.env("app", "other", url) };
    },
    check: "certificate chain",
    level: "error",
    message: /nothing that is trusted here has signed the certificate/,
    remedy: /--ca FILE .* 'tls\.cert'/,
  },
  {
    what: "a chain without its intermediate",
    async make(site) {
      const root = certificateAuthority({ cn: "Root" });
      const middle = issuedBy(root, { cn: "Middle", ca: true, sans: [], usages: [] });
      const leaf = issuedBy(middle, { algorithm: "p256", notAfter: new Date(Date.now() + 90 * 86_400_000) });
      const { url } = await site.start("leaf", {}, leaf);
      await site.writePair("root", root);
      return { args: [], env: site.env("app", "root", url) };
    },
    check: "certificate chain",
    level: "error",
    message: /was issued by 'Middle', which is not known here/,
    remedy: /intermediate CAs belong behind the server's own in 'tls\.cert'/,
  },
  {
    what: "a server that is not running",
    async make(site) {
      await site.writePair("gone", certificateFor(90));
      return { args: [], env: site.env("app", "gone", `127.0.0.1:${await freePort()}`) };
    },
    check: "connection",
    level: "error",
    message: /^nothing listens at 127\.0\.0\.1:\d+$/,
    remedy: /kes server --config FILE/,
  },
  {
    what: "a name that nobody knows",
    async make(site) {
      await site.writePair("unknown", certificateFor(90));
      return { args: [], env: site.env("app", "unknown", "kes.invalid:7373") };
    },
    check: "connection",
    level: "error",
    message: /^the name 'kes\.invalid' is not known/,
    remedy: /DNS or \/etc\/hosts/,
  },
  {
    what: "a client that no policy names",
    async make(site) {
      const { url } = await site.start("strict");
      return { args: [], env: site.env("stranger", "strict", url) };
    },
    check: "identity",
    level: "error",
    message: /^the server knows no policy for [0-9a-f]{64}$/,
    remedy: /policy\.<name>\.identities: - [0-9a-f]{64}; then 'kes server reload'/,
  },
  {
    what: "a policy that lets MinIO write and not read",
    async make(site) {
      const allow = [`/v1/key/generate/${KEY}`, `/v1/key/create/${KEY}`, "/v1/status", "/v1/api"];
      const policies = { minio: { allow, identities: [site.app.identity] } };
      const { url } = await withKey(await site.start("halved", { policies }));
      return { args: ["--key", KEY], env: site.env("app", "halved", url) };
    },
    check: "policy",
    level: "error",
    message:
      /'minio' does not allow \/v1\/key\/decrypt\/minio-key, which MinIO needs for the data key of each object/,
    remedy: /add '\/v1\/key\/decrypt\/minio-key' to 'allow' of policy 'minio'; then 'kes server reload'/,
  },
  {
    what: "a key that does not exist",
    async make(site) {
      const { url } = await site.start("empty");
      return { args: ["--key", KEY], env: site.env("app", "empty", url) };
    },
    check: "round trip",
    level: "error",
    message: /^the key 'minio-key' does not exist$/,
    remedy: /^kes key create minio-key/,
  },
  {
    what: "servers with different keystores",
    async make(site) {
      const certificate = certificateFor(90);
      const one = await withKey(await site.start("twins", {}, certificate));
      const two = await withKey(await site.start("twins", {}, certificate));
      return { args: ["--key", KEY], env: site.env("app", "twins", `${one.url},${two.url}`) };
    },
    check: "shared keys",
    level: "error",
    message: /cannot open what https:\/\/127\.0\.0\.1:\d+ has sealed with 'minio-key'/,
    remedy: /use one keystore.*Do not delete either key/,
  },
  {
    what: "a keystore that does not answer",
    async make(site) {
      const keystore = new FaultyKeystore(new MemoryKeystore());
      const allow = ["/v1/ready/verbose"];
      const policies = { monitor: { allow, identities: [site.app.identity] } };
      const { url } = await site.start("cut", { keystore, policies });
      keystore.script = [{ method: "status", fault: { kind: "fail", code: "KEYSTORE_UNREACHABLE" } }];
      return { args: [], env: site.env("app", "cut", url) };
    },
    check: "keystore",
    level: "error",
    message: /^key store is not reachable$/,
    remedy: /kes keystore check CONFIG/,
  },
  {
    what: "a clock that is an hour ahead",
    async make(site) {
      const certificate = certificateFor(90);
      await site.writePair("ahead", certificate);
      const port = await site.startOther(certificate, new Date(Date.now() + 3_600_000).toUTCString());
      return { args: [], env: site.env("app", "ahead", `127.0.0.1:${port}`) };
    },
    check: "clock",
    level: "error",
    message: /^the server's clock is 3(?:599|600|601) s ahead of the one here$/,
    remedy: /timedatectl set-ntp true/,
  },
  {
    what: "a port that does not speak TLS",
    async make(site) {
      await site.writePair("plain", certificateFor(90));
      const port = await site.startPlain();
      return { args: [], env: site.env("app", "plain", `127.0.0.1:${port}`) };
    },
    check: "connection",
    level: "error",
    message: /does not speak TLS/,
    remedy: /the key server's own port/,
  },
  {
    what: "a client certificate of an authority that the server does not know",
    async make(site) {
      const certificate = certificateFor(90);
      await site.writePair("choosy", certificate);
      const now = new Date().toUTCString();
      const port = await site.startOther(certificate, now, certificateAuthority({ algorithm: "p256" }));
      return { args: [], env: site.env("app", "choosy", `127.0.0.1:${port}`) };
    },
    check: "connection",
    level: "error",
    message: /^127\.0\.0\.1:\d+ hung up/,
    remedy: /have one signed by its 'tls\.ca'/,
  },
  {
    what: "a client certificate that ends tomorrow",
    async make(site) {
      const { url } = await site.start("fine");
      await site.writePair("app", certificateFor(1.5, { key: site.app.key }));
      return { args: [], env: site.env("app", "fine", url) };
    },
    check: "client certificate",
    level: "warning",
    message: /^your certificate ends on .*, in 1 day$/,
    remedy: /kes identity renew/,
  },
  {
    what: "a private key that everybody can read",
    make: async (site) => ({ args: [await site.configure("readable", { keyMode: 0o644 })] }),
    check: "file modes",
    level: "error",
    message: /private key, readable\/server\.key, can be read by everybody \(mode 0644\)/,
    remedy: /^chmod 600 readable\/server\.key$/,
  },
  {
    what: "a certificate and a key that do not belong together",
    make: async (site) => ({ args: [await site.configure("unpaired", { key: certificateFor(90) })] }),
    check: "server certificate",
    level: "error",
    message: /does not belong to the private key/,
    remedy: /kes identity new --key unpaired\/server\.key --cert unpaired\/server\.crt/,
  },
  {
    what: "a word that is misspelt in the configuration",
    make: async (site) => ({ args: [await site.configure("misspelt", { more: "cache: { expire: {} }" })] }),
    check: "configuration",
    level: "error",
    message: /misspelt\/kes\.yml:\d+:\d+: cache\.expire: .*expiry/,
    remedy: /mend misspelt\/kes\.yml line \d+, then: kes policy check/,
  },
  {
    what: "a configuration that is not there",
    make: async () => ({ args: ["none.yml"] }),
    check: "configuration",
    level: "error",
    message: /none\.yml: cannot read the file: no such file/,
    remedy: /^name the file that the server is started with/,
  },
  {
    what: "a key folder that is not there",
    async make(site) {
      const file = await site.configure("folderless");
      await rm(join(site.folder, "folderless/keys"), { recursive: true });
      return { args: [file] };
    },
    check: "keystore",
    level: "error",
    message: /folderless\/keys/,
    remedy: /section 'keystore\.fs'/,
  },
  {
    what: "a server for all hosts with a certificate for its own",
    make: async (site) => ({ args: [await site.configure("open", { address: "0.0.0.0:7373" })] }),
    check: "server name",
    level: "warning",
    message: /listens for other hosts, but its certificate names only localhost/,
    remedy: /--force --dns NAME/,
  },
];

describe("kes doctor", function () {
  this.timeout(60_000);
  let site: DoctorSite;
  beforeEach(async () => {
    site = await DoctorSite.create();
  });
  afterEach(() => site.close());

  for (const { what, make, check, level, message, remedy } of broken) {
    it(`finds ${what}`, async () => {
      const { args, env } = await make(site);
      const { code, findings } = await site.doctor(args, env);
      const found = findings.find(
        (one) => one.check === check && one.level === level && message.test(one.message),
      );
      expect(found, JSON.stringify(findings, null, 1)).not.to.equal(undefined);
      expect(found?.remedy).to.match(remedy);
      expect(code).to.equal(findings.some((one) => one.level === "error") ? 1 : 0);
      if (level === "error") expect(code).to.equal(1);
      console.log(`      ${level}: ${check}: ${found?.message}\n        → ${found?.remedy}`);
    });
  }

  const problems = (findings: readonly DoctorFinding[]) => findings.filter((one) => one.level !== "ok");

  it("finds nothing wrong where nothing is, and works with the key once", async () => {
    const { url } = await withKey(await site.start("good"));
    const { code, findings } = await site.doctor(["--key", KEY], site.env("app", "good", url));
    expect(problems(findings)).to.deep.equal([]);
    expect(code).to.equal(0);
    expect(new Set(findings.map((one) => one.check))).to.include.all.keys(
      ...["client certificate", "connection", "server certificate", "server name", "certificate chain"],
      ...["clock", "version", "identity", "policy", "round trip"],
    );
  });

  it("finds nothing wrong with the files of a server", async () => {
    const { code, findings } = await site.doctor([await site.configure("well")]);
    expect(problems(findings).filter((one) => one.check !== "file limit")).to.deep.equal([]);
    expect(code).to.equal(0);
    expect(new Set(findings.map((one) => one.check))).to.include.all.keys(
      ...["configuration", "server certificate", "file modes", "keystore", "file limit"],
    );
  });

  it("creates no key unless it is told to", async () => {
    const keystore = new MemoryKeystore();
    const { url } = await site.start("bare", { keystore });
    const env = site.env("app", "bare", url);
    expect((await site.doctor(["--key", KEY], env)).code).to.equal(1);
    expect((await keystore.list({ prefix: "", limit: 10 })).names).to.deep.equal([]);
    const { code, findings } = await site.doctor(["--key", KEY, "--create"], env);
    expect([code, problems(findings)]).to.deep.equal([0, []]);
    expect((await keystore.list({ prefix: "", limit: 10 })).names).to.deep.equal([KEY]);
  });

  it("sees that servers share their keys, and what each says of itself", async () => {
    const keystore = new MemoryKeystore();
    const certificate = certificateFor(90);
    const policies = { all: { allow: ["/v1/*"], identities: [site.app.identity] } };
    const one = await withKey(await site.start("pair", { policies, keystore }, certificate));
    const two = await site.start("pair", { policies, keystore }, certificate);
    const { code, findings } = await site.doctor(
      ["--key", KEY],
      site.env("app", "pair", `${one.url},${two.url}`),
    );
    expect([code, problems(findings)]).to.deep.equal([0, []]);
    const shared = findings.filter((one) => one.check === "shared keys");
    expect(shared.map((one) => [one.subject, one.message])).to.deep.equal([
      [two.url, `opens what ${one.url} has sealed`],
    ]);
    const own = findings.filter((one) => one.subject === two.url && one.check === "event loop");
    expect(own).to.have.length(1);
  });

  it("prints findings and remedies for people, and is quiet about what it need not say", async () => {
    const { url } = await site.start("shown");
    const { code, stdout, stderr } = await site.text(["--key", KEY], site.env("app", "shown", url));
    expect(code).to.equal(1);
    expect(stdout).to.contain(`${url}\n`);
    expect(stdout).to.contain(
      "  error   round trip: the key 'minio-key' does not exist\n          → kes key create",
    );
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).to.be.at.most(110);
    expect(stderr).to.match(/1 error\n$/);
  });

  it("tells what is missing to be a client at all", async () => {
    const { code, findings } = await site.doctor([]);
    expect(code).to.equal(1);
    expect(findings.map((one) => [one.subject, one.level, one.message])).to.deep.equal([
      ["client", "error", "no API key specified. Consider setting MINIO_KES_API_KEY"],
    ]);
  });

  it("finds a limit of files that is too low", async () => {
    const file = await site.configure("limited");
    const words = [...kesProgram, "doctor", file].map((word) => `'${word}'`).join(" ");
    const { code, stdout } = await runProcess(["sh", "-c", `ulimit -n 512; exec ${words}`], {
      cwd: site.folder,
    });
    expect(code).to.equal(0);
    expect(stdout).to.contain("warning file limit: a server started from here may open 512 files");
    expect(stdout).to.contain("LimitNOFILE=65536");
  });

  it("shows what a group can read, and what everybody can change", async () => {
    const file = await site.configure("groups", { keyMode: 0o640 });
    await chmod(join(site.folder, "groups/keys"), 0o777);
    const { findings } = await site.doctor([file]);
    expect(
      problems(findings)
        .filter((one) => one.check === "file modes")
        .map((one) => one.message),
    ).to.deep.equal([
      "the server's private key, groups/server.key, can be read by its group (mode 0640)",
      "the key folder, groups/keys, can be changed by everybody (mode 0777)",
    ]);
  });

  for (const [args, message] of [
    [["--create"], "--create needs --key"],
    [["--key", "no/key"], "'no/key' is no name of a key"],
    [["kes.yml", "--key", KEY], "--key needs a running server"],
  ] as const) {
    it(`refuses ${args.join(" ")}`, async () => {
      const { code, stderr } = await site.text(args);
      expect(code).to.equal(1);
      expect(stderr).to.contain(message);
    });
  }
});
