/** The key commands inside the test's process: what each prints, refuses and asks, against a real server. */
import { createHmac, randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { expect } from "chai";
import { commands } from "../../../../src/cli/commands.js";
import { run } from "../../../../src/cli/run.js";
import { captured } from "../../../support/captured-output.js";
import { selfSigned } from "../../../support/certificates.js";
import { startTestServer, type TestServer } from "../../../support/test-server.js";

interface Options {
  /** Default: the admin; `app` may create, generate and list. */
  readonly as?: "admin" | "app";
  /** What standard input holds. */
  readonly input?: string | Buffer;
  /** On a terminal, where this is typed. */
  readonly typed?: string;
}

const base64 = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString("base64");

describe("cli/commands/key", () => {
  const app = selfSigned({ cn: "app" });
  let server: TestServer;
  let dir: string;
  before(async () => {
    const allow = ["/v1/key/create/my-*", "/v1/key/generate/my-*", "/v1/key/list/*"];
    server = await startTestServer({ policies: { app: { allow, identities: [app.identity] } } });
    dir = await mkdtemp(join(tmpdir(), "keswick-key-"));
    await writeFile(join(dir, "server.crt"), server.ca.certPem);
    for (const [name, { certPem, keyPem }] of Object.entries({ admin: server.admin, app })) {
      await writeFile(join(dir, `${name}.crt`), certPem);
      await writeFile(join(dir, `${name}.key`), keyPem, { mode: 0o600 });
    }
    await writeFile(join(dir, "any.key"), randomBytes(32), { mode: 0o600 });
  });
  after(async () => {
    await server?.close();
    await rm(dir, { recursive: true, force: true });
  });

  async function kes(args: readonly string[], { as = "admin", input = "", typed }: Options = {}) {
    const env = {
      MINIO_KES_SERVER: `127.0.0.1:${server.port}`,
      MINIO_KES_CERT_FILE: `${as}.crt`,
      MINIO_KES_KEY_FILE: `${as}.key`,
      MINIO_KES_CAPATH: "server.crt",
    };
    const { context, stdout, stderr } = captured({ cwd: dir, env, isTTY: typed !== undefined });
    const keys = new PassThrough();
    if (typed === undefined) keys.end(input);
    else keys.write(typed);
    const stdin = Object.assign(keys, { isTTY: typed !== undefined });
    const code = await run(args, commands, { ...context, stdin });
    return { code, stdout: stdout(), stderr: stderr() };
  }

  /** Runs `kes key …`, which must succeed and be silent on stderr. */
  async function key(args: readonly string[], options?: Options): Promise<string> {
    const { code, stdout, stderr } = await kes(["key", ...args], options);
    expect({ code, stderr }, args.join(" ")).to.deep.equal({ code: 0, stderr: "" });
    return stdout;
  }

  /** Runs `kes …`, which must fail and print nothing on stdout. @returns the lines of stderr */
  async function failure(args: readonly string[], options?: Options): Promise<string[]> {
    const { code, stdout, stderr } = await kes(args, options);
    expect({ code, stdout }, args.join(" ")).to.deep.equal({ code: 1, stdout: "" });
    return stderr.trimEnd().split("\n");
  }

  it("creates, lists, shows and removes", async () => {
    expect(await key(["create", "a-1", "a-2"])).to.equal("");
    expect(await key(["ls", "a-*"])).to.equal("Key\na-1\na-2\n");
    expect(await key(["ls", "a-1", "--json"])).to.equal('["a-1"]\n');
    expect((await kes(["ls", "a-"])).stdout).to.equal("Key\na-1\na-2\n");
    expect((await kes(["ls", "-p"])).stdout).to.equal("Policy\napp\n");
    expect((await kes(["ls", "-i", app.identity])).stdout).to.equal(`Identity\n${app.identity}\n`);
    expect(await failure(["ls", "-i", "-p"])).to.have.length(1);
    expect(await key(["info", "a-1"])).to.match(
      /^Name {8}a-1\nAlgorithm {3}AES256\nDate {8}[-0-9]{10} [:0-9]{8}\nOwner {7}[0-9a-f]{64}$/,
    );
    expect(JSON.parse(await key(["info", "a-1", "--json"]))).to.include({ name: "a-1", algorithm: "AES256" });
    expect(await key(["rm", "a-1", "a-2"])).to.equal("");
    expect(await key(["ls", "a-"])).to.equal("");
  });

  it("encrypts, decrypts, and makes data keys and HMACs", async () => {
    await key(["create", "c-key"]);
    const { ciphertext } = JSON.parse(
      await key(["encrypt", "c-key", "-", "--context", "AAAA"], { input: "hi" }),
    );
    expect(await key(["decrypt", "c-key", ciphertext, "AAAA"])).to.equal(`{"plaintext":"${base64("hi")}"}`);
    const dek = JSON.parse(await key(["dek", "c-key", "AAAA"]));
    expect(await key(["decrypt", "c-key", "-", "AAAA"], { input: `${dek.ciphertext}\n` })).to.include(
      dek.plaintext,
    );
    const terminal = await kes(["key", "hmac", "c-key", "x"], { typed: "" });
    const { hmac } = JSON.parse(await key(["hmac", "c-key", "x"]));
    expect(terminal.stdout).to.equal(`\nhmac: ${hmac}\n`);
    const { stdout } = await kes(["key", "info", "c-key"], { typed: "" });
    expect(stdout).to.match(/[0-9a-f]{64}\n$/);
  });

  it("imports from bytes and base64, with an HMAC key", async () => {
    const hmacKey = randomBytes(32);
    await writeFile(join(dir, "hmac.key"), base64(hmacKey), { mode: 0o600 });
    const flags = ["--hmac-key-file", "hmac.key", "--algorithm", "ChaCha20"];
    expect(await key(["import", "i-1", "-", ...flags], { input: randomBytes(32) })).to.equal("");
    const mac = createHmac("sha256", hmacKey).update("m").digest("base64");
    expect(await key(["hmac", "i-1", "m"])).to.equal(`{"hmac":"${mac}"}`);
    expect(JSON.parse(await key(["info", "i-1", "--json"]))).to.include({ algorithm: "ChaCha20" });
    const { stderr } = await kes(["key", "import", "i-2", base64(randomBytes(32))]);
    expect(stderr).to.match(/^kes: the key stands in the list of processes: [^\n]+\n$/);
  });

  describe("rm on a terminal", () => {
    it("asks, and deletes nothing without a yes", async () => {
      await key(["create", "r-1", "r-2"]);
      for (const typed of ["n\r", "\r", "maybe\r"]) {
        const { code, stdout, stderr } = await kes(["key", "rm", "r-1", "r-2"], { typed });
        expect([code, stdout]).to.deep.equal([1, ""]);
        expect(stderr).to.match(
          /^kes: r-1: created [-0-9]{10} [:0-9]{8} by [0-9a-f]{64}\nkes: r-2: created /,
        );
        expect(stderr)
          .to.include("Delete these 2 keys?")
          .and.match(/kes: nothing was deleted\n$/);
      }
      expect((await kes(["key", "rm", "r-1", "r-2"], { typed: "\u0003" })).code).to.equal(1);
      expect(await key(["ls", "r-"])).to.equal("Key\nr-1\nr-2\n");
    });

    it("deletes after a yes, and looks at all keys before", async () => {
      const missing = await kes(["key", "rm", "r-1", "r-9"], { typed: "y\r" });
      expect(missing.code).to.equal(1);
      expect(missing.stderr)
        .to.include('failed to remove key "r-9": key does not exist')
        .and.not.include("[y/N]");
      expect((await kes(["key", "rm", "r-1"], { typed: "y\r" })).code).to.equal(0);
      expect((await kes(["key", "rm", "-f", "r-2"], { typed: "" })).stderr).to.equal("");
      expect(await key(["ls", "r-"])).to.equal("");
    });

    it("asks also whom the server tells nothing about the key", async () => {
      const { stderr } = await kes(["key", "rm", "r-1"], { as: "app", typed: "y\r" });
      expect(stderr).to.include("kes: r-1: you may not see who created it").and.include("not authorized");
    });
  });

  const refusals: readonly [
    what: string,
    args: readonly string[],
    input: string,
    error: RegExp,
    hint?: RegExp,
  ][] = [
    ["no key", ["x"], "", /^Error: not enough arguments: no key given as --file FILE, '-' or BASE64/],
    ["two keys", ["x", "-", "--file", "y"], "", /^Error: cannot take the key from .* at the same time/],
    ["few bytes", ["x", "-"], "AAAA", /^Error: key has 3 bytes instead of 32$/],
    ["many bytes", ["x", "-"], base64(Buffer.alloc(33)), /^Error: key has 33 bytes instead of 32$/],
    ["no base64", ["x", "-"], "se cret", /^Error: key is not base64$/],
    ["nothing", ["x", "-"], "", /^Error: key has 0 bytes instead of 32$/],
    ["hex of 32 bytes", ["x", "-"], "ab".repeat(32), /^Error: key has 48 bytes/, /looks like hex/],
    ["32 letters", ["x", "-"], "a".repeat(32), /^Error: key is 32 characters of text/, /openssl rand/],
    ["too much", ["x", "-"], "A".repeat(20_000), /^Error: key is larger than 16384 bytes$/],
    ["a missing file", ["x", "--file", "none"], "", /^Error: key file 'none': no such file or directory$/],
    [
      "another algorithm",
      ["x", "-", "--algorithm", "DES"],
      "",
      /^Error: invalid argument "DES" for "--algorithm"/,
    ],
  ];
  for (const [what, args, input, error, hint] of refusals) {
    it(`import refuses ${what}`, async () => {
      const [first, second] = await failure(["key", "import", ...args], { input });
      expect(first).to.match(error);
      if (hint !== undefined) expect(second).to.match(hint);
      expect(await key(["ls", "x"])).to.equal("");
    });
  }

  it("refuses what is not base64 without quoting it", async () => {
    await key(["create", "q-key"]);
    for (const [args, what] of [
      [["decrypt", "q-key", "s!cret"], "ciphertext"],
      [["decrypt", "q-key", "AAAA", "s!cret"], "context"],
      [["dek", "q-key", "s!cret"], "context"],
      [["encrypt", "q-key", "text", "--context", "s!cret"], "context"],
    ] as const) {
      expect(await failure(["key", ...args])).to.deep.equal([`Error: ${what} is not base64`]);
    }
  });

  const allowed: readonly [args: readonly string[], path: string, what: string][] = [
    [["create", "other"], "/v1/key/create/other", 'failed to create key "other"'],
    [["import", "other", "--file", "any.key"], "/v1/key/import/other", 'failed to import key "other"'],
    [["info", "other"], "/v1/key/describe/other", 'failed to describe key "other"'],
    [["rm", "other"], "/v1/key/delete/other", 'failed to remove key "other"'],
    [["encrypt", "other", "x"], "/v1/key/encrypt/other", 'failed to encrypt with key "other"'],
    [["decrypt", "other", "AAAA"], "/v1/key/decrypt/other", 'failed to decrypt with key "other"'],
    [["dek", "other"], "/v1/key/generate/other", 'failed to generate a data key with key "other"'],
    [["hmac", "other", "x"], "/v1/key/hmac/other", 'failed to compute an HMAC with key "other"'],
  ];
  for (const [args, path, what] of allowed) {
    it(`${args[0]} without permission names ${path}`, async () => {
      expect(await failure(["key", ...args], { as: "app" })).to.deep.equal([
        `Error: ${what}: not authorized: insufficient permissions`,
        `kes: to allow it, add '${path}' to 'allow' of the policy of identity ${app.identity}`,
        `kes: this shows why: kes policy explain --identity ${app.identity} --path ${path}`,
      ]);
    });
  }

  it("every command has an example, and needs no server to say so", async () => {
    const names = Object.keys(commands).filter((name) => name === "ls" || name.startsWith("key "));
    expect(names).to.include("key hmac").and.have.length.greaterThan(9);
    for (const name of names) {
      const { info } = (await commands[name]?.load()) ?? {};
      expect(info?.name).to.equal(`kes ${name}`);
      expect(info?.examples, name).not.to.be.empty;
    }
  });
});
