/** The key commands as scripts run them: a process of their own, pipes, a real server. */
import { createHmac, randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { commands } from "../../src/cli/commands.js";
import { run } from "../support/child-process.js";
import { type CliRemote, type KesOptions, startCliRemote } from "../support/cli-remote.js";

const base64 = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString("base64");

// KES reference §9.7, numbers 5, 6 and 7: key, context, ciphertext and plaintext as KES's own tests have them.
const ZERO_KEY = base64(Buffer.alloc(32));
const ZERO_SEALED = "zwdDgHeRlIFRnJ7+DIhs/ka7GFK2CFSfDELqg1VCyTQzZ58o7MAdupMLk3ZjlMo2ZUDwldL2o41nAWDc";
const ZERO_PLAIN = "AAAAAAAAAAAAAAAAAAAAAA==";
const K_KEY = "dDHbTWgo+Yh3u804SYB5OyVMy6RiLeJYBQth1f6KlEU=";
const K_CONTEXT = "AAAAAAAAAAAAAAAAAAAAAA==";
const K_SEALED_AES =
  "s2gmfQHeGdlyL8x1yEWSACUV3GrSoz3t160hugMgzKWgyqesXDVUJ5Dw5Mt076rR1PNiU9X4YjLH14D8a81t2r2xsz4gVZac";
const K_SEALED_CHACHA =
  "gO4woRIswAJdjUjW7z2ApsSQxJlwB24yjLrmH4eI7sB0uh5nfEJfk9ybTPFft5FRFaZCVBmzhx7OJs9n0WWtxH3sySIxecIK";
const K_PLAIN = "CLcJoykFCWZDkEIiUq9bJRqwCwW9ZDvdgu8EMA==";

describe("cli: key commands in a pipe", function () {
  this.timeout(60_000);
  let remote: CliRemote;
  before(async () => {
    remote = await startCliRemote();
  });
  after(() => remote?.close());

  /** Runs `kes key …`, which must succeed and say nothing but on stdout. */
  async function key(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await remote.kes(["key", ...args]);
    expect({ code, stderr }, args.join(" ")).to.deep.equal({ code: 0, stderr: "" });
    return stdout;
  }

  /** Runs `kes …`, which must fail and print nothing on stdout. @returns the lines of stderr */
  async function failure(args: readonly string[], options?: KesOptions): Promise<string[]> {
    const { code, stdout, stderr } = await remote.kes(args, options);
    expect({ code, stdout }, args.join(" ")).to.deep.equal({ code: 1, stdout: "" });
    return stderr.trimEnd().split("\n");
  }

  it("create is silent and takes several names", async () => {
    expect(await key("create", "c-1", "c-2")).to.equal("");
    expect(await key("ls", "c-")).to.equal("Key\nc-1\nc-2\n");
  });

  it("create stops at the first failure", async () => {
    await key("create", "s-2");
    expect(await failure(["key", "create", "s-1", "s-2", "s-3"])).to.deep.equal([
      'Error: failed to create key "s-2": key already exists',
    ]);
    expect(await key("ls", "s-*")).to.equal("Key\ns-1\ns-2\n");
  });

  it("info prints four lines and leaves the last one open", async () => {
    const before = Date.now();
    await key("create", "info-key");
    const text = await key("info", "info-key");
    const [, date = ""] =
      /^Name {8}info-key\nAlgorithm {3}AES256\nDate {8}(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\nOwner {7}[0-9a-f]{64}$/.exec(
        text,
      ) ?? [];
    expect(date, text).not.to.equal("");
    expect(text).to.include(remote.identities.admin);
    expect(Date.parse(`${date.replace(" ", "T")}Z`)).to.be.within(before - 1_000, Date.now());
  });

  it("info --json has all members, also the algorithm AES256", async () => {
    await key("create", "json-key");
    const text = await key("info", "json-key", "--json");
    expect(text).to.match(
      /^\{"name":"json-key","algorithm":"AES256","created_at":"[^"]+Z","created_by":"[0-9a-f]{64}"\}\n$/,
    );
  });

  it("info takes --color", async () => {
    await key("create", "color-key");
    expect(await key("info", "color-key", "--color", "Always")).to.include("\x1b[");
    expect(await key("info", "color-key", "--color=never")).not.to.include("\x1b[");
    expect(await failure(["key", "info", "color-key", "--color", "blue"])).to.deep.equal([
      "Error: invalid color option",
    ]);
  });

  it("ls lists by prefix, with a star or without; --json prints an array alone", async () => {
    await key("create", "l-1", "l-2");
    for (const pattern of ["l-", "l-*"]) expect(await key("ls", pattern)).to.equal("Key\nl-1\nl-2\n");
    expect(await key("ls", "l-2")).to.equal("Key\nl-2\n");
    expect(await key("ls", "none")).to.equal("");
    expect(await key("ls", "l-", "--json")).to.equal('["l-1","l-2"]\n');
    expect(await key("ls", "none", "--json")).to.equal("[]\n");
    expect(JSON.parse(await key("ls", "--json"))).to.include("l-1");
    expect(await failure(["key", "ls", "a/b"])).to.deep.equal([
      "Error: failed to list keys: listing pattern 'a/b' is empty, too long or is invalid",
    ]);
  });

  it("kes ls lists keys, policies and identities", async () => {
    await key("create", "ls-1");
    expect(await remote.kes(["ls", "ls-"])).to.deep.equal({ code: 0, stdout: "Key\nls-1\n", stderr: "" });
    expect(await remote.kes(["ls", "-p"])).to.include({ code: 0, stdout: "Policy\napp\n" });
    expect(await remote.kes(["ls", "--policy", "--json"])).to.include({ code: 0, stdout: '["app"]\n' });
    const identities = [remote.identities.admin, remote.identities.app].sort();
    expect((await remote.kes(["ls", "-i"])).stdout).to.equal(`Identity\n${identities.join("\n")}\n`);
    const prefix = remote.identities.app.slice(0, 20);
    expect(await remote.kes(["ls", "-i", prefix, "--json"])).to.include({
      code: 0,
      stdout: `["${remote.identities.app}"]\n`,
    });
    expect(await failure(["ls", "-ip"])).to.deep.equal([
      "Error: cannot list identities and policies at the same time",
    ]);
  });

  it("rm asks nothing in a pipe, is silent, and stops at the first failure", async () => {
    await key("create", "r-1", "r-2", "r-3");
    expect(await failure(["key", "rm", "r-1", "r-x", "r-2"])).to.deep.equal([
      'Error: failed to remove key "r-x": key does not exist',
      "kes: keys with similar names: r-2, r-3, c-1",
    ]);
    expect(await key("ls", "r-")).to.equal("Key\nr-2\nr-3\n");
    expect(await key("rm", "r-2", "r-3", "--force")).to.equal("");
    expect(await key("ls", "r-")).to.equal("");
  });

  it("encrypt and decrypt print one JSON object without line end", async () => {
    await key("create", "e-key");
    const text = await key("encrypt", "e-key", "Grüße");
    const [, ciphertext = ""] = /^\{"ciphertext":"([A-Za-z0-9+/]+=*)"\}$/.exec(text) ?? [];
    expect(await key("decrypt", "e-key", ciphertext)).to.equal(`{"plaintext":"${base64("Grüße")}"}`);
    expect(await failure(["key", "decrypt", "e-key", ciphertext, base64("other")])).to.deep.equal([
      'Error: failed to decrypt with key "e-key": decryption failed: ciphertext is not authentic',
      "kes: it was made with another key or another context, or is not complete",
    ]);
  });

  it("encrypt binds to --context, which decrypt has to be given", async () => {
    await key("create", "b-key");
    const { ciphertext } = JSON.parse(await key("encrypt", "b-key", "text", "--context", base64("ctx")));
    expect(await key("decrypt", "b-key", ciphertext, base64("ctx"))).to.include(base64("text"));
    await failure(["key", "decrypt", "b-key", ciphertext]);
  });

  it("encrypt, decrypt and hmac read standard input for -", async () => {
    await key("create", "i-key");
    const args = ["key", "encrypt", "i-key", "-"];
    const { stdout } = await remote.kes(args, { input: "line\n" });
    const sealed = `${JSON.parse(stdout).ciphertext}\n`;
    expect(await remote.kes(["key", "decrypt", "i-key", "-"], { input: sealed })).to.include({
      code: 0,
      stdout: `{"plaintext":"${base64("line\n")}"}`,
    });
    const mac = await key("hmac", "i-key", "line\n");
    expect(await remote.kes(["key", "hmac", "i-key", "-"], { input: "line\n" })).to.include({ stdout: mac });
    expect(await failure(args, { input: "x".repeat(1_000_001) })).to.deep.equal([
      "Error: message on standard input is larger than 1000000 bytes",
      "kes: 'kes key encrypt-file' and 'decrypt-file' take files of any size",
    ]);
    expect((await failure(args, { input: "x".repeat(999_999) }))[0]).to.equal(
      'Error: failed to encrypt with key "i-key": request body is too large: the limit is 1000000 bytes',
    );
  });

  it("dek prints a data key of 32 bytes that decrypts with its context alone", async () => {
    await key("create", "d-key");
    const pattern = /^\{"plaintext":"([A-Za-z0-9+/]{43}=)","ciphertext":"([A-Za-z0-9+/]+=*)"\}$/;
    const [, plaintext = "", ciphertext = ""] = pattern.exec(await key("dek", "d-key")) ?? [];
    expect(await key("decrypt", "d-key", ciphertext)).to.equal(`{"plaintext":"${plaintext}"}`);
    const [, bound = "", sealed = ""] = pattern.exec(await key("dek", "d-key", base64("ctx"))) ?? [];
    expect(bound).not.to.equal(plaintext);
    expect(await key("decrypt", "d-key", sealed, base64("ctx"))).to.equal(`{"plaintext":"${bound}"}`);
    await failure(["key", "decrypt", "d-key", sealed]);
  });

  it("import takes base64 in the command line, with a note, and opens what KES sealed", async () => {
    const note =
      "kes: the key stands in the list of processes: better give it with --file or on standard input\n";
    const imported = await remote.kes(["key", "import", "zero", ZERO_KEY]);
    expect(imported).to.deep.equal({ code: 0, stdout: "", stderr: note });
    expect(await key("decrypt", "zero", ZERO_SEALED)).to.equal(`{"plaintext":"${ZERO_PLAIN}"}`);
  });

  it("import takes base64 or bytes from a file or standard input, for both algorithms", async () => {
    const { folder } = remote;
    await writeFile(join(folder, "k.base64"), `${K_KEY}\n`, { mode: 0o600 });
    await writeFile(join(folder, "k.bytes"), Buffer.from(K_KEY, "base64"), { mode: 0o600 });
    await key("import", "k-1", "--file", "k.base64");
    await key("import", "k-2", "-f", "k.bytes");
    await remote.kes(["key", "import", "k-3", "-"], { input: `${K_KEY}\n` });
    for (const name of ["k-1", "k-2", "k-3"]) {
      expect(await key("decrypt", name, K_SEALED_AES, K_CONTEXT)).to.equal(`{"plaintext":"${K_PLAIN}"}`);
    }
    const bytes = await run(
      ["sh", "-c", 'exec "$@" < k.bytes', "sh", ...kesWords("key", "import", "k-4", "-")],
      {
        cwd: folder,
        env: remote.env("admin"),
      },
    );
    expect(bytes).to.deep.equal({ code: 0, stdout: "", stderr: "" });
    expect(await key("decrypt", "k-4", K_SEALED_AES, K_CONTEXT)).to.include(K_PLAIN);
    await key("import", "k-5", "--file", "k.base64", "--algorithm", "chacha20");
    expect(await key("decrypt", "k-5", K_SEALED_CHACHA, K_CONTEXT)).to.include(K_PLAIN);
    expect(JSON.parse(await key("info", "k-5", "--json"))).to.include({ algorithm: "ChaCha20" });
  });

  it("import brings an HMAC key along, and hmac uses it", async () => {
    const hmacKey = randomBytes(32);
    await writeFile(join(remote.folder, "hmac.key"), hmacKey, { mode: 0o600 });
    await writeFile(join(remote.folder, "any.key"), randomBytes(32), { mode: 0o600 });
    await key("import", "h-key", "--file", "any.key", "--hmac-key-file", "hmac.key");
    const mac = createHmac("sha256", hmacKey).update("message").digest("base64");
    expect(await key("hmac", "h-key", "message")).to.equal(`{"hmac":"${mac}"}`);
  });

  it("import notes a key file that every user can read", async () => {
    await writeFile(join(remote.folder, "open.key"), randomBytes(32), { mode: 0o644 });
    expect((await remote.kes(["key", "import", "open", "--file", "open.key"])).stderr).to.equal(
      "kes: every user of this machine can read the key file 'open.key': chmod 600 it\n",
    );
  });

  it("ls without permission names the pattern", async () => {
    const lines = await failure(["key", "ls", "my-*"], { as: "stranger" });
    expect(lines[0]).to.equal("Error: failed to list keys: not authorized: insufficient permissions");
    expect(lines[1]).to.include("add '/v1/key/list/my-*'");
  });

  it("an unknown key: the nearest names to who may list, no word to who may not", async () => {
    await key("create", "my-known-key");
    expect(await failure(["key", "dek", "my-knwon-key"], { as: "app" })).to.deep.equal([
      'Error: failed to generate a data key with key "my-knwon-key": key does not exist',
      "kes: keys with similar names: my-known-key",
    ]);
  });

  it("wrong use exits with 1, help with 2", async () => {
    expect((await failure(["key", "create"]))[0]).to.equal(
      "Error: not enough arguments. See 'kes key create --help'",
    );
    expect((await failure(["key", "info", "a", "b"]))[0]).to.equal(
      "Error: too many arguments. See 'kes key info --help'",
    );
    expect((await failure(["key", "ls", "--x"]))[0]).to.equal(
      "Error: unknown flag: --x. See 'kes key ls --help'",
    );
    for (const args of [["key", "ls", "-h"], ["ls", "-h"], ["key"]]) {
      const { code, stdout, stderr } = await remote.kes(args);
      expect([code, stdout], args.join(" ")).to.deep.equal([2, ""]);
      expect(stderr).to.match(/^Usage:/);
    }
  });

  it("-e, which KES has, is accepted and ignored", async () => {
    await key("create", "enclave-key", "-e", "some");
    expect(await key("ls", "enclave-key", "--enclave=other")).to.equal("Key\nenclave-key\n");
  });

  it("every example in the help does what it says", async () => {
    const names = ["key create", "key info", "key ls", "key encrypt", "key decrypt", "key dek", "key hmac"];
    await writeFile(join(remote.folder, "message.txt"), "message");
    await writeFile(join(remote.folder, "my-key.base64"), ZERO_KEY, { mode: 0o600 });
    // Programs that the examples use and a machine need not have.
    const missing: string[] = [];
    for (const tool of ["jq", "openssl"]) {
      if ((await run(["sh", "-c", `command -v ${tool}`])).code !== 0) missing.push(tool);
    }
    const env = { ...remote.env("admin"), PATH: `${remote.cli.bin}:${process.env.PATH ?? ""}` };
    for (const name of [...names, "ls", "key rm", "key import"]) {
      const { examples = [] } = (await commands[name]?.load())?.info ?? {};
      expect(examples, name).not.to.be.empty;
      for (const example of examples) {
        const lacking = missing.find((tool) => example.includes(`${tool} `));
        if (lacking !== undefined) {
          console.log(`skipped: example '${example}': ${lacking} is not installed`);
          continue;
        }
        if (name === "key import" || example.includes("my-other-key")) {
          await remote.kes(["key", "rm", "my-key"]);
          if (name === "key rm") await key("create", "my-key", "my-other-key");
        }
        const result = await run(["sh", "-c", example], { cwd: remote.folder, env });
        expect({ code: result.code, stderr: result.stderr }, example).to.deep.equal({ code: 0, stderr: "" });
      }
    }
  });

  function kesWords(...args: string[]): string[] {
    return [process.execPath, remote.cli.main, ...args];
  }
});
