/** The identity commands as a person uses them: processes, files, openssl and curl as witnesses, a running server. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect } from "chai";
import type { Context } from "mocha";
import { ApiKey } from "../../src/identity/api-key.js";
import { certificatesOfPem, identityOfCertificate, identityOfKey } from "../../src/identity/certificate.js";
import { privateKeyOfPem } from "../../src/identity/private-key.js";
import { certificateAuthority, issuedBy } from "../support/certificates.js";
import { freePort, RunningProcess, type RunResult, run, runOk, until } from "../support/child-process.js";
import { IdentitySite } from "../support/identity-site.js";
import { requireService } from "../support/services/index.js";
import { kesProgram } from "../support/started-site.js";
import { Terminal } from "../support/terminal.js";
import { startTestServer, type TestServer } from "../support/test-server.js";

const PASSWORD = "correct höbse";

describe("kes identity, as a process", function () {
  this.timeout(60_000);
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "keswick e2e identity "));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const kes = (argv: readonly string[], options: Parameters<typeof run>[1] = {}): Promise<RunResult> =>
    run([...kesProgram, ...argv], { cwd: folder, ...options });
  const kesOk = (...argv: readonly string[]): Promise<string> =>
    runOk([...kesProgram, ...argv], { cwd: folder });
  const openssl = (context: Context, ...args: string[]): Promise<string> =>
    runOk([requireService(context, "openssl"), ...args], { cwd: folder });
  /** The identity by openssl's reckoning. */
  const hashed = async (context: Context, ...args: string[]): Promise<string> => {
    await openssl(context, "pkey", ...args, "-outform", "DER", "-out", "hashed.der");
    return createHash("sha256")
      .update(await readFile(join(folder, "hashed.der")))
      .digest("hex");
  };

  it("openssl reads key and certificate and finds the same identity", async function () {
    const argv = ["identity", "new", "--key", "a.key", "--cert", "a.crt", "--ip", "127.0.0.1", "my client"];
    const made = await kes(argv);
    expect([made.code, made.stderr]).to.deep.equal([0, ""]);
    const identity = await kesOk("identity", "of", "a.crt");
    expect(made.stdout).to.include(identity);

    const publicKey = await openssl(this, "x509", "-in", "a.crt", "-noout", "-pubkey");
    await writeFile(join(folder, "a.pub"), publicKey);
    expect(await hashed(this, "-pubin", "-in", "a.pub")).to.equal(identity);
    expect(await hashed(this, "-in", "a.key", "-pubout")).to.equal(identity);
    const text = await openssl(this, "x509", "-in", "a.crt", "-noout", "-text");
    for (const part of ["CN = my client", "CA:FALSE", "TLS Web Client Authentication, TLS Web Server Auth"]) {
      expect(text).to.include(part);
    }
    expect(await openssl(this, "verify", "-check_ss_sig", "-CAfile", "a.crt", "a.crt")).to.include("OK");

    const apiKey = await kesOk("identity", "a.key");
    expect(made.stdout).to.include(`   ${apiKey}\n`);
    expect(await kes(["identity", "-"], { input: apiKey })).to.include({
      code: 0,
      stdout: identity,
      stderr: "",
    });
    expect(await kes(["identity", "of", apiKey])).to.include({ code: 0, stdout: identity });
  });

  it("an encrypted key is made on a terminal, and opened by openssl and renewal with its password", async function () {
    const terminal = Terminal.start(this);
    try {
      const files = ["--key", "a.key", "--cert", "a.crt"];
      const ask = { to: "Enter password for private key: ", type: `${PASSWORD}\r` };
      const again = { to: "Confirm password for private key: ", type: `${PASSWORD}\r` };
      const on = (argv: readonly string[], answers: (typeof ask)[]): ReturnType<Terminal["run"]> =>
        terminal.run([...kesProgram, "identity", ...argv], { cwd: folder, answers });
      const made = await on(["new", ...files, "--encrypt"], [ask, again]);
      expect(made.code, made.output).to.equal(0);
      expect(made.output).to.include("Your API key:").and.not.include(PASSWORD);
      const identity = await kesOk("identity", "of", "a.crt");

      await writeFile(join(folder, "password"), PASSWORD);
      const opened = ["-in", "a.key", "-passin", "file:password"];
      expect(await hashed(this, ...opened, "-pubout")).to.equal(identity);
      await openssl(this, "pkey", ...opened, "-out", "plain.key");
      expect(made.output).to.include(await kesOk("identity", "plain.key"));

      const renewed = await on(["renew", "a.crt"], [ask]);
      expect(renewed.code, renewed.output).to.equal(0);
      expect(await kesOk("identity", "of", "a.crt")).to.equal(identity);
      const wrong = await on(["renew", "a.crt"], [{ ...ask, type: "wrong\r" }]);
      expect([wrong.code, wrong.output]).to.satisfy(
        ([code, output]: [number, string]) => code === 1 && output.includes("incorrect password"),
      );
      const shown = await on(["of", "a.crt"], []);
      expect(shown.output).to.include("Identity:").and.include(`   `).and.include(identity);
    } finally {
      terminal.stop();
    }
  });

  it("leaves whole files when killed, and the older key until all else is new", async () => {
    const files = ["--key", "a.key", "--cert", "a.crt"];
    await kesOk("identity", "new", ...files);
    const read = (name: string): Promise<string> => readFile(join(folder, name), "utf8");
    const ends = { killed: 0, mixed: 0 };
    for (let i = 0; i < 6; i++) {
      const [oldKey, oldCert] = [await read("a.key"), await read("a.crt")];
      const child = spawn(kesProgram[0], [...kesProgram.slice(1), "identity", "new", ...files, "--force"], {
        cwd: folder,
        stdio: "ignore",
      });
      const exit = once(child, "exit");
      const deadline = Date.now() + 15_000;
      while (child.exitCode === null && (await read("a.crt")) === oldCert && Date.now() < deadline) {
        await nextTurn();
      }
      child.kill("SIGKILL");
      const [, signal] = await exit;
      if (signal === "SIGKILL") ends.killed++;
      const [key, cert] = [await read("a.key"), await read("a.crt")];
      const keyIdentity = identityOfKey(privateKeyOfPem(key));
      const certIdentity = identityOfCertificate(certificatesOfPem(cert)[0]);
      if (keyIdentity !== certIdentity) {
        ends.mixed++;
        expect([key === oldKey, cert === oldCert]).to.deep.equal([true, false]);
      }
    }
    expect(ends.killed).to.be.greaterThan(0);
    await kesOk("identity", "new", ...files, "--force");
    expect(ApiKey.parse(await kesOk("identity", "a.key")).identity).to.equal(
      await kesOk("identity", "of", "a.crt"),
    );
  });

  it("the request that a refusal advises is one that openssl makes", async function () {
    const leaf = issuedBy(certificateAuthority());
    await writeFile(join(folder, "a.crt"), leaf.certPem);
    await writeFile(join(folder, "a.key"), leaf.keyPem, { mode: 0o600 });
    const { code, stderr } = await kes(["identity", "renew", "a.crt"]);
    expect(code).to.equal(1);
    const [, advice = ""] = /with: openssl (.*)$/m.exec(stderr) ?? [];
    const words = advice.split(" ");
    const names: Readonly<Record<string, string>> = { CERT: "a.crt", KEY: "a.key", REQUEST: "a.csr" };
    await openssl(this, ...words.map((word) => names[word] ?? word));
    await writeFile(join(folder, "a.pub"), await openssl(this, "req", "-in", "a.csr", "-noout", "-pubkey"));
    expect(await hashed(this, "-pubin", "-in", "a.pub")).to.equal(leaf.identity);
  });

  it("a server and a client live on made certificates, and on renewed ones under the same policy", async function () {
    const curl = requireService(this, "curl");
    const port = await freePort();
    const valid = ["--expiry", "24h"];
    const names = ["--ip", "127.0.0.1"];
    await kesOk("identity", "new", "--key", "server.key", "--cert", "server.crt", ...names, ...valid);
    await kesOk("identity", "new", "--key", "client.key", "--cert", "client.crt", ...valid);
    const identity = await kesOk("identity", "of", "client.crt");
    await writeFile(
      join(folder, "kes.yml"),
      `address: 127.0.0.1:${port}\nadmin: { identity: disabled }\n` +
        "tls: { key: server.key, cert: server.crt }\nkeystore: { fs: { path: keys } }\n" +
        `policy: { app: { allow: [/v1/key/create/app-*], identities: [${identity}] } }\n`,
    );
    const server = await RunningProcess.start(
      [...kesProgram, "server", "--config", "kes.yml"],
      async ({ output }) => output.includes("=> Server is up and running..."),
      { cwd: folder },
    );
    try {
      const create = (name: string, ca: string): Promise<RunResult> => {
        const files = ["--cacert", ca, "--cert", "client.crt", "--key", "client.key"];
        const url = `https://127.0.0.1:${port}/v1/key/create/${name}`;
        return run([curl, "-sS", "--fail-with-body", "-m", "10", ...files, "-X", "PUT", url], {
          cwd: folder,
        });
      };
      expect(await create("app-1", "server.crt")).to.include({ code: 0 });
      expect((await create("other", "server.crt")).stdout).to.include("not authorized");

      await copyFile(join(folder, "client.crt"), join(folder, "client.before"));
      await kesOk("identity", "renew", "client.crt", "--expiry", "48h");
      expect(await readFile(join(folder, "client.crt"), "utf8")).to.not.equal(
        await readFile(join(folder, "client.before"), "utf8"),
      );
      expect(await kesOk("identity", "of", "client.crt", "client.before")).to.equal(
        `${identity}\n${identity}\n`,
      );
      expect(await create("app-2", "server.crt")).to.include({ code: 0 });
      expect((await create("other", "server.crt")).stdout).to.include("not authorized");

      await kesOk("identity", "renew", "server.crt");
      server.signal("SIGHUP");
      await until("the reload", async () => server.output.includes("after SIGHUP signal completed"));
      expect(await create("app-3", "server.crt")).to.include({ code: 0 });
      // Who trusts the old certificate itself is told so, and here is why.
      const stale = await create("app-4", "server.crt.old");
      expect(stale.code).to.not.equal(0);
    } finally {
      await server.stop();
    }
  });
});

describe("kes identity info and kes identity ls", () => {
  let site: IdentitySite;
  let server: TestServer;
  let identity: string;
  let env: Record<string, string>;

  before(async () => {
    site = await IdentitySite.make();
    const made = JSON.parse((await site.kes(["identity", "new", "--json"])).out);
    identity = made.identity;
    server = await startTestServer({
      policies: {
        "my-app": {
          allow: ["/v1/key/create/my-*", "/v1/identity/list/*"],
          deny: ["/v1/key/create/my-secret*"],
          identities: [made.identity],
        },
      },
    });
    await site.write("ca.crt", server.ca.certPem, 0o644);
    await site.write("admin.crt", server.admin.certPem, 0o644);
    await site.write("admin.key", server.admin.keyPem);
    const place = { MINIO_KES_SERVER: `127.0.0.1:${server.port}`, MINIO_KES_CAPATH: "ca.crt" };
    env = { ...place, MINIO_KES_API_KEY: made.api_key };
  });
  after(async () => {
    await server?.close();
    await site?.remove();
  });

  const kes = (...argv: string[]): ReturnType<IdentitySite["kes"]> =>
    site.kes(["identity", ...argv], { env });
  const asAdmin = (...argv: string[]): ReturnType<IdentitySite["kes"]> => {
    const { MINIO_KES_API_KEY: _, ...rest } = env;
    const files = { MINIO_KES_CERT_FILE: "admin.crt", MINIO_KES_KEY_FILE: "admin.key" };
    return site.kes(["identity", ...argv], { env: { ...rest, ...files } });
  };
  const DATE = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`;

  it("shows the caller who it is and its rules as rules (S16 #23)", async () => {
    const { code, out, err } = await kes("info");
    expect([code, err]).to.deep.equal([0, ""]);
    expect(out).to.match(
      new RegExp(
        `^Identity    ${identity}\nCreated At  ${DATE}\nRole        User\nCreated By  ${server.admin.identity}\n` +
          "Policy      my-app\n\nAllow:\n(?:  · /v1/\\S+\n){2}\nDeny:\n  · /v1/key/create/my-secret\\*\n$",
      ),
    );
    expect(out).to.include("  · /v1/key/create/my-*\n").and.include("  · /v1/identity/list/*\n");
    for (const line of out.split("\n")) expect(line.length).to.be.at.most(80);
  });

  it("honours --json, with the members of the server's own answer (S16 #23)", async () => {
    const { code, out } = await kes("info", "--json");
    expect([code, out.split("\n").length]).to.deep.equal([0, 2]);
    const { created_at, ...rest } = JSON.parse(out);
    expect(Number.isNaN(Date.parse(created_at))).to.equal(false);
    expect(rest).to.deep.equal({
      identity,
      admin: false,
      policy: "my-app",
      allow: { "/v1/key/create/my-*": {}, "/v1/identity/list/*": {} },
      deny: { "/v1/key/create/my-secret*": {} },
      created_by: server.admin.identity,
    });
  });

  it("shows the admin, and another's policy to whom may see it", async () => {
    const self = await asAdmin("info");
    expect(self.out).to.match(
      new RegExp(`^Identity    ${server.admin.identity}\nCreated At  ${DATE}\nRole        Admin\n$`),
    );
    const other = await asAdmin("info", identity);
    expect(other.out)
      .to.include("Role        User\n")
      .and.include("Policy      my-app\n")
      .and.not.include("Allow");
    expect(JSON.parse((await asAdmin("info", server.admin.identity, "--json")).out)).to.include({
      admin: true,
    });
  });

  it("names what is missing: an identity, a permission", async () => {
    const none = await asAdmin("info", "0".repeat(64));
    expect([none.code, none.out]).to.deep.equal([1, ""]);
    expect(none.err).to.match(/^Error: failed to describe identity "0+": identity does not exist\n/);
    const stranger = (await site.kes(["identity"])).out;
    const unknown = await site.kes(["identity", "info"], { env: { ...env, MINIO_KES_API_KEY: stranger } });
    const strange = (await site.kes(["identity", "-"], { stdin: stranger })).out;
    expect(unknown.err)
      .to.match(/^Error: failed to describe the identity of this client: identity does not exist\n/)
      .and.include(`kes: identity ${strange} is neither the admin nor in a policy`);
    const refused = await kes("info", identity);
    expect([refused.code, refused.out]).to.deep.equal([1, ""]);
    expect(refused.err)
      .to.match(/^Error: failed to describe identity ".*": not authorized: insufficient permissions\n/)
      .and.include(`/v1/identity/describe/${identity}`);
  });

  it("lists under its own header, all or those with a prefix; nothing for none", async () => {
    const all = [identity, server.admin.identity].sort();
    expect(await kes("ls")).to.deep.equal({ code: 0, out: `Identity\n${all.join("\n")}\n`, err: "" });
    for (const pattern of [identity.slice(0, 9), `${identity.slice(0, 9)}*`, identity]) {
      expect((await kes("ls", pattern)).out, pattern).to.equal(`Identity\n${identity}\n`);
    }
    expect(await kes("ls", "zz")).to.deep.equal({ code: 0, out: "", err: "" });
  });

  it("lists JSON and nothing else with --json (S16 #23, #26)", async () => {
    const all = [identity, server.admin.identity].sort();
    expect(await kes("ls", "--json")).to.deep.equal({ code: 0, out: `${JSON.stringify(all)}\n`, err: "" });
    expect((await kes("ls", "zz", "--json")).out).to.equal("[]\n");
  });

  it("refuses another word for --color before it asks anybody", async () => {
    for (const argv of [["info"], ["ls"]]) {
      const { code, err } = await kes(...argv, "--color", "sometimes");
      expect([code, err]).to.deep.equal([1, "Error: invalid color option\n"]);
    }
  });
});
