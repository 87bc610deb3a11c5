import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import { ApiKey } from "../../src/identity/api-key.js";
import { ApiClient } from "../support/api-client.js";
import { connectRaw, overH1 } from "../support/attacks.js";
import { selfSigned } from "../support/certificates.js";
import { freePort, RunningProcess, type RunResult, run, until } from "../support/child-process.js";
import { type CliServer, type CliSite, makeCliSite, startCliServer } from "../support/cli-site.js";
import { readAnswer } from "../support/raw-http1.js";
import { kesProgram } from "../support/started-site.js";

/** Longest that a stop may take: the requests' grace, the reader's and the process's. */
const STOP_MS = 6_000;

const kes = (...args: readonly string[]): Promise<RunResult> => run([...kesProgram, ...args]);

describe("e2e: kes server", function () {
  this.timeout(40_000);
  let site: CliSite;
  const servers: CliServer[] = [];
  const clients: ApiClient[] = [];

  before(async () => {
    site = await makeCliSite();
  });
  after(() => site.remove());
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    for (const { process } of servers.splice(0)) await process.stop();
    await site.configure();
  });

  async function start(before: readonly string[] = []): Promise<CliServer> {
    const server = await startCliServer(site, before);
    servers.push(server);
    return server;
  }
  function clientOf({ port }: { port: number }, as = site.admin): ApiClient {
    const client = new ApiClient("h2", port, as);
    clients.push(client);
    return client;
  }
  const status = async (client: ApiClient, path: string, method = "PUT"): Promise<number> =>
    (await client.send({ method, path })).status;

  describe("starts", () => {
    it("says on standard output what it serves, when it does", async () => {
      const { process, port } = await start();
      expect(process.stdout).to.match(/^Version {5}\S+ +commit=[0-9a-f]{40}\n/);
      expect(process.stdout).to.include(`\nKMS         Filesystem: ${site.folder}/keys\n`);
      expect(process.stdout).to.include(`\nAPI         · https://127.0.0.1:${port}\n`);
      expect(process.stdout).to.include(`\nAdmin       ${site.admin.identity}\n`);
      expect(process.stdout).to.include("\nLogs        error=stderr level=INFO\n");
      expect(process.stdout.endsWith("\n\n=> Server is up and running...\n")).to.equal(true);
    });

    it("refuses an address that is in use, with a way out", async () => {
      const other = createServer();
      await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
      const address = other.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      try {
        const failed = await kes("server", "--config", site.configFile, "--addr", `127.0.0.1:${port}`);
        expectFailure(failed, /cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE.*--addr/);
        // Nothing that looks like success.
        expect(failed.stdout).to.equal("");
      } finally {
        other.close();
      }
    });

    const misuse: readonly (readonly [what: string, args: readonly string[], message: RegExp])[] = [
      ["no configuration", [], /no configuration: give it with --config FILE, or use --dev/],
      ["a missing file", ["--config", "/no/such/file.yml"], /\/no\/such\/file\.yml.*no such file/i],
      ["a folder as file", ["--config", "/"], /is a folder/],
      ["an unknown flag", ["--conf", "x"], /^Error: unknown flag: --conf\. See 'kes server --help'\n/],
      ["too many arguments", ["x"], /^Error: too many arguments\. See 'kes server --help'\n/],
      ["a flag without value", ["--config"], /^Error: flag needs an argument: --config/],
      [
        "--dev with --config",
        ["--dev", "--config", "x"],
        /'--config' flag is not supported in development mode/,
      ],
      [
        "a host name as address",
        ["--dev", "--addr", "localhost:7373"],
        /'localhost' is not a valid IP address/,
      ],
      ["a port that is none", ["--dev", "--addr", "127.0.0.1:77777"], /'77777' is not a valid port/],
    ];
    it("refuses misuse with one line and exit code 1", async () => {
      for (const [what, args, message] of misuse) expectFailure(await kes("server", ...args), message, what);
    });

    it("warns of flags that are no longer used", async () => {
      const file = join(site.folder, "none.yml");
      const { stderr } = await kes("server", "--key=a", "--cert=b", "--auth=off", "--config", file);
      for (const flag of ["key", "cert", "auth"]) {
        expect(stderr).to.include(
          `WARNING: '--${flag}' flag is deprecated and no longer honored. Specify the `,
        );
      }
    });
  });

  describe("--check", () => {
    const check = (): Promise<RunResult> => kes("server", "--config", site.configFile, "--check");

    it("says what it found and exits with 0", async () => {
      const { code, stdout, stderr } = await check();
      expect({ code, stderr }).to.deep.equal({ code: 0, stderr: "" });
      expect(stdout).to.include(`${site.configFile}: well-formed`);
      expect(stdout).to.include(`admin          ${site.admin.identity}`);
      expect(stdout).to.match(/keystore {7}Filesystem: .*: answers in [\d.]+ ms, \d+ keys\n$/);
    });

    it("exits with 1 when the keystore cannot be opened", async () => {
      await site.configure({ keystore: "keystore:\n  fs:\n    path: /proc/keys-cannot-be-here\n" });
      const { code, stdout, stderr } = await check();
      expect(code, stdout + stderr).to.equal(1);
      expect(stdout).to.match(/keystore {7}could not be opened: .*\/proc\/keys-cannot-be-here/);
    });

    it("exits with 1 when the certificate has ended", async () => {
      const past = { notBefore: new Date("2020-01-01"), notAfter: new Date("2021-01-01") };
      const old = selfSigned({ algorithm: "p256", ...past });
      await writeFile(join(site.folder, "old.key"), old.keyPem);
      await writeFile(join(site.folder, "old.crt"), old.certPem);
      await site.configure({ tls: `tls:\n  key: ${site.folder}/old.key\n  cert: ${site.folder}/old.crt\n` });
      const { code, stdout } = await check();
      expect(code).to.equal(1);
      expect(stdout).to.include("ends 2021-01-01T00:00:00.000Z");
    });
  });

  describe("refuses a configuration with the place of each fault and no stack", () => {
    const faulty: readonly (readonly [what: string, text: (site: CliSite) => string, faults: RegExp])[] = [
      ["tabs", ({ text }) => text({ log: "log:\n\terror: on\n" }), /kes\.yml:8:1: .*tab/i],
      ["keys written twice", ({ text }) => text({ more: "log:\n  error: on\n" }), /kes\.yml:1[56]:1: .*log/],
      [
        "alias bombs",
        ({ text }) => {
          const levels = Array.from({ length: 9 }, (_, i) => {
            const item = i === 0 ? "x" : `*a${i - 1}`;
            return `  l${i}: &a${i} [${Array.from({ length: 9 }, () => item).join(", ")}]\n`;
          });
          return text({ more: `x-bomb:\n${levels.join("")}` });
        },
        /kes\.yml:\d+:\d+: .*alias/i,
      ],
      [
        "wrong types, each of them",
        ({ text }) => text({ cache: "cache:\n  expiry:\n    any: soon\n", log: "log:\n  error: [1]\n" }),
        /kes\.yml:\d+:\d+: cache\.expiry\.any: [\s\S]*kes\.yml:\d+:\d+: log\.error: /,
      ],
      [
        "misspelt keys",
        ({ text }) => text({ policy: "policy:\n  p:\n    alow: [/v1/status]\n" }),
        /kes\.yml:\d+:5: policy\.p\.alow: .*allow/,
      ],
      [
        "patterns that can never match",
        ({ text }) => text({ policy: "policy:\n  p:\n    allow:\n    - /v1/key/*/x\n" }),
        /kes\.yml:\d+:\d+: policy\.p\.allow/,
      ],
      [
        "missing certificates",
        ({ text, folder }) =>
          text({ tls: `tls:\n  key: ${folder}/server.key\n  cert: ${folder}/none.crt\n` }),
        /none\.crt: .*no such file/i,
      ],
      [
        "keys that do not fit the certificate",
        ({ text, folder }) =>
          text({ tls: `tls:\n  key: ${folder}/other.key\n  cert: ${folder}/server.crt\n` }),
        /does not belong to the private key in '.*other\.key'/,
      ],
      [
        "keys that are none",
        ({ text, folder }) => text({ tls: `tls:\n  key: ${folder}/kes.yml\n  cert: ${folder}/server.crt\n` }),
        /kes\.yml: /,
      ],
      ["no keystore", ({ text }) => text({ keystore: "" }), /no keystore/i],
      ["text that is no YAML", () => '"', /kes\.yml:1:\d+: /],
      ["an empty file", () => "", /kes\.yml.*: /],
      ["bytes that are no text", () => "\0\0\0", /kes\.yml.*: /],
      [
        "variables that are not set",
        ({ text }) => text({ admin: `admin:\n  identity: $${"{KES_NOT_SET}"}\n` }),
        /kes\.yml:3:\d+: admin\.identity: .*KES_NOT_SET/,
      ],
    ];
    before(() => writeFile(join(site.folder, "other.key"), selfSigned({ algorithm: "p256" }).keyPem));

    for (const [what, text, faults] of faulty) {
      it(`names ${what}`, async () => {
        await writeFile(site.configFile, text(site));
        expectFailure(await kes("server", "--config", site.configFile), faults);
      });
    }

    it("names keys that cannot be read", async () => {
      // Root may read every file, but not a folder.
      const isRoot = process.getuid?.() === 0;
      const file = join(site.folder, "closed.key");
      if (isRoot) await mkdir(file);
      else await writeFile(file, site.server.keyPem, { mode: 0 });
      await site.configure({ tls: `tls:\n  key: ${file}\n  cert: ${site.folder}/server.crt\n` });
      const failed = await kes("server", "--config", site.configFile);
      expectFailure(
        failed,
        isRoot ? /closed\.key: .*(directory|folder)/ : /closed\.key: .*permission denied/i,
      );
    });
  });

  describe("--dev", () => {
    it("serves whoever holds the API key that it prints, and survives SIGHUP", async () => {
      const port = await freePort();
      const running = await RunningProcess.start(
        [...kesProgram, "server", "--dev", "--addr", `127.0.0.1:${port}`],
        async ({ stdout }) => stdout.includes("=> Server is up and running..."),
      );
      try {
        const text = /^API Key {5}(kes:v1:\S+)$/m.exec(running.stdout)?.[1] ?? "";
        const key = ApiKey.parse(text);
        expect(running.stdout).to.include(`\nAdmin       ${key.identity}\n`);
        const holder = selfSigned({ key: key.privateKey });
        const client = clientOf({ port }, holder);
        expect(await client.ok("GET", "/v1/identity/self/describe")).to.include({ identity: key.identity });
        await client.ok("PUT", "/v1/key/create/a");
        running.signal("SIGHUP");
        await until("a note", async () => running.stderr.includes("SIGHUP signal ignored"));
        await client.ok("PUT", "/v1/key/generate/a");
        running.signal("SIGINT");
        expect(await running.ended).to.equal(0);
      } finally {
        await running.stop();
      }
    });
  });

  describe("stops", () => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      it(`on ${signal}, with the answers of requests under way, exit code 0 and a good-bye`, async () => {
        const server = await start();
        await clientOf(server).ok("PUT", `/v1/key/create/at-${signal}`);
        const socket = await overH1({ port: server.port, admin: site.admin });
        socket.write(`PUT /v1/key/generate/at-${signal} HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{`);
        await clientOf(server).ok("GET", "/version");
        const idle = await overH1({ port: server.port, admin: site.admin });
        server.process.signal(signal);
        // No longer accepted; the signal has been seen.
        await until("the port to close", () =>
          connectRaw(server.port).then(
            (probe) => probe.destroy() && false,
            () => true,
          ),
        );
        // A reload now would end what is under way.
        server.process.signal("SIGHUP");
        socket.write("}");
        const { status: got } = await readAnswer(socket);
        expect(got).to.equal(200);
        expect(await server.process.ended).to.equal(0);
        expect(server.process.stdout.endsWith("\n\n=> Stopping server... Goodbye.\n")).to.equal(true);
        idle.destroy();
      });
    }

    it("in time although a client never finishes its request", async () => {
      await site.configure({ server: "server:\n  workers: 1\n  grace: 1s\n" });
      const server = await start();
      const socket = await overH1({ port: server.port, admin: site.admin });
      socket.write("PUT /v1/key/encrypt/a HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{");
      await clientOf(server).ok("GET", "/version");
      expect(await stopped(server)).to.equal(0);
      socket.destroy();
    });
  });

  describe("reloads on SIGHUP", () => {
    const reload = async ({ process }: CliServer): Promise<void> => {
      const count = (text: string): number => text.split("=> Reloading configuration after SIGHUP").length;
      const before = count(process.stdout);
      process.signal("SIGHUP");
      await until("the reload", async () => count(process.stdout) > before);
    };

    it("policies, admin, deadlines, log levels and keystore, while requests run", async () => {
      await site.configure({ policy: policyOf(site, "/v1/key/generate/*") });
      const server = await start();
      const admin = clientOf(server);
      const client = clientOf(server, site.client);
      await admin.ok("PUT", "/v1/key/create/shared");
      expect(await status(client, "/v1/key/generate/shared")).to.equal(200);
      expect(await status(client, "/v1/status", "GET")).to.equal(403);

      // Requests go on all the time; none may notice the reloads.
      let running = true;
      const seen = new Set<number>();
      const load = (async () => {
        while (running) seen.add(await status(client, "/v1/key/generate/shared"));
      })();
      await site.configure({
        policy: policyOf(site, "/v1/key/generate/*", "/v1/status"),
        api: "api:\n  /v1/key/create/:\n    timeout: 7s\n",
        log: "log:\n  error: off\n  audit: on\n",
      });
      await reload(server);
      expect(await status(client, "/v1/status", "GET")).to.equal(200);
      const rows = (await admin.ok("GET", "/v1/api")) as readonly { path: string; timeout: number }[];
      expect(rows.find(({ path }) => path === "/v1/key/create/")?.timeout).to.equal(7);
      await until("audit lines", async () =>
        / req\.path=\/v1\/status .*res\.code=200/.test(server.process.stdout),
      );
      running = false;
      await load;
      expect([...seen]).to.deep.equal([200]);

      // Another admin, another folder: the keys of the first are not there.
      await mkdir(join(site.folder, "keys-2"), { recursive: true });
      await site.configure({
        admin: `admin:\n  identity: ${site.client.identity}\n`,
        keystore: `keystore:\n  fs:\n    path: ${site.folder}/keys-2\n`,
      });
      await reload(server);
      expect(await status(admin, "/v1/key/generate/shared")).to.equal(403);
      expect(await status(client, "/v1/key/generate/shared")).to.equal(404);
      expect(server.process.stdout).to.include(`KMS         Filesystem: ${site.folder}/keys-2\n`);
      expect(server.process.stderr).to.include("SIGHUP signal received. Reloading configuration...");
    });

    it("nothing of a file that is broken, and says what is wrong with it", async () => {
      const server = await start();
      const admin = clientOf(server);
      await admin.ok("PUT", "/v1/key/create/kept");
      const { ciphertext } = (await admin.ok("PUT", "/v1/key/generate/kept")) as { ciphertext: string };
      const broken = [
        site.text({ cache: "cache:\n  expiry:\n    any: soon\n" }),
        site.text({ tls: `tls:\n  key: ${site.folder}/none.key\n  cert: ${site.folder}/server.crt\n` }),
        site.text({ keystore: "keystore:\n  fs:\n    path: /proc/keys-cannot-be-here\n" }),
        "",
      ];
      for (const [i, text] of broken.entries()) {
        await writeFile(site.configFile, text);
        server.process.signal("SIGHUP");
        const failures = (): number =>
          server.process.stderr.split("Failed to reload server config: ").length - 1;
        await until("the failure", async () => failures() === i + 1);
        await admin.ok("PUT", "/v1/key/decrypt/kept", { ciphertext });
      }
      expect(server.process.stderr).to.match(
        /reload server config: \S+kes\.yml:\d+:\d+: cache\.expiry\.any: /,
      );
      expect(server.process.stderr).not.to.match(/^ +at /m);
      expect(server.process.stdout).not.to.include("after SIGHUP");
    });

    it("as often as the signal comes", async () => {
      const server = await start();
      for (let i = 0; i < 30; i++) server.process.signal("SIGHUP");
      await reload(server);
      await clientOf(server).ok("GET", "/v1/ready");
      expect(await stopped(server)).to.equal(0);
    });
  });

  describe("outlives the reader of its output", () => {
    const chatty = { log: "log:\n  error: debug\n  audit: on\n" };
    /** Enough lines to fill every buffer between the server and its reader. */
    async function chatter(server: CliServer): Promise<void> {
      const client = clientOf(server);
      for (let i = 0; i < 10; i++) {
        const path = `/v1/key/describe/${"x".repeat(70)}`;
        await Promise.all(Array.from({ length: 200 }, () => status(client, path, "GET")));
      }
    }

    it("when it closes its end", async () => {
      await site.configure(chatty);
      const server = await start();
      server.process.closeOutput();
      await chatter(server);
      server.process.signal("SIGHUP");
      await chatter(server);
      expect(server.process.hasEnded).to.equal(false);
      expect(await stopped(server)).to.equal(0);
    });

    it("when it does not read", async () => {
      await site.configure(chatty);
      const server = await start();
      server.process.stopReading();
      await chatter(server);
      // Files are read although two pipes stand still: the threads that read files are not stuck in them.
      const client = clientOf(server);
      for (let i = 0; i < 8; i++) await client.ok("PUT", `/v1/key/create/stuck-${i}`);
      server.process.signal("SIGHUP");
      await client.ok("GET", "/v1/ready");
      expect(await stopped(server)).to.equal(0);
    });
  });

  it("reads keys while idle connections have used up what descriptors there are", async () => {
    const server = await start(["/bin/sh", "-c", 'ulimit -n 200; exec "$@"', "sh"]);
    const first = clientOf(server);
    await first.ok("PUT", "/v1/key/create/scarce");
    const idle = await Promise.all(Array.from({ length: 400 }, () => connectRaw(server.port)));
    // Every create reads and writes files, and its key is read back.
    for (let i = 0; i < 10; i++) await first.ok("PUT", `/v1/key/create/scarce-${i}`);
    await clientOf(server, site.admin).ok("PUT", "/v1/key/generate/scarce");
    for (const socket of idle) socket.destroy();
    await clientOf(server, site.admin).ok("GET", "/v1/ready");
  });
});

/** One or more lines on standard error that explain themselves. */
function expectFailure({ code, stdout, stderr }: RunResult, message: RegExp, what = ""): void {
  expect(stderr, what).to.match(message);
  expect(stderr, what).not.to.match(/^ +at |node:internal/m);
  expect({ code, stdout }, what).to.deep.equal({ code: 1, stdout: "" });
}

async function stopped({ process }: CliServer): Promise<number | null> {
  const startedMs = performance.now();
  process.signal("SIGTERM");
  const code = await process.ended;
  expect(performance.now() - startedMs).to.be.below(STOP_MS);
  return code;
}

function policyOf({ client }: CliSite, ...allow: readonly string[]): string {
  const rules = allow.map((pattern) => `    - ${pattern}\n`).join("");
  return `policy:\n  client:\n    allow:\n${rules}    identities:\n    - ${client.identity}\n`;
}
