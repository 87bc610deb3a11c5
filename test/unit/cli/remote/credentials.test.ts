import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { promisify } from "node:util";
import { expect } from "chai";
import { CommandError } from "../../../../src/cli/command.js";
import { readCredentials } from "../../../../src/cli/remote/credentials.js";
import { ApiKey } from "../../../../src/identity/api-key.js";
import { captured } from "../../../support/captured-output.js";
import { selfSigned } from "../../../support/certificates.js";

const apiKey = ApiKey.generate((size) => Buffer.alloc(size, 7));
const client = selfSigned();
const encrypted = client.key
  .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "pässword" })
  .toString();

const noFlags = {
  ...{ server: [], "api-key": undefined, ca: undefined },
  ...{ insecure: false, timeout: undefined, enclave: undefined },
};

describe("cli/remote/credentials", () => {
  let dir: string;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), "keswick-credentials-"));
    await mkdir(join(dir, "folder"));
    await writeFile(join(dir, "api-key"), `${apiKey}\n`, { mode: 0o600 });
    await writeFile(join(dir, "open-api-key"), `${apiKey}\n`, { mode: 0o644 });
    await writeFile(join(dir, "client.crt"), client.certPem);
    await writeFile(join(dir, "client.key"), client.keyPem, { mode: 0o600 });
    await writeFile(join(dir, "encrypted.key"), encrypted, { mode: 0o640 });
    await writeFile(join(dir, "open.key"), client.keyPem);
    await chmod(join(dir, "open.key"), 0o604);
    await writeFile(join(dir, "garbage"), "garbage", { mode: 0o600 });
    await writeFile(join(dir, "huge"), Buffer.alloc(20_000), { mode: 0o600 });
  });
  after(() => rm(dir, { recursive: true, force: true }));

  /** What flags and environment come to; `typed` is what sits in the terminal. */
  async function read(
    env: Record<string, string>,
    { flag, typed }: { flag?: string; typed?: string } = {},
  ): Promise<{ result: object; hints: readonly string[]; stdout: string; stderr: string }> {
    const { context, stdout, stderr } = captured({ cwd: dir, env });
    const keys = new PassThrough();
    if (typed !== undefined) keys.write(typed);
    const stdin = typed === undefined ? context.stdin : Object.assign(keys, { isTTY: true });
    const done = readCredentials({ ...context, stdin }, { ...noFlags, "api-key": flag });
    const result = await done.catch((error: unknown) => {
      if (error instanceof CommandError) return error;
      throw error;
    });
    const hints = result instanceof CommandError ? result.hints : [];
    return { result, hints, stdout: stdout(), stderr: stderr() };
  }

  const files = (key: string): Record<string, string> => ({
    MINIO_KES_KEY_FILE: key,
    MINIO_KES_CERT_FILE: "client.crt",
  });
  const message = async (env: Record<string, string>, more = {}): Promise<string> => {
    const { result } = await read(env, more);
    return result instanceof CommandError ? result.message : `no error: ${Object.keys(result)}`;
  };

  it("takes an API key from the environment, in silence", async () => {
    const { result, stdout, stderr } = await read({ MINIO_KES_API_KEY: apiKey.toString() });
    expect(result).to.have.nested.property("apiKey.identity", apiKey.identity);
    expect([stdout, stderr]).to.deep.equal(["", ""]);
  });

  it("takes an API key from a file that the environment or the flag names", async () => {
    for (const [env, more] of [
      [{ MINIO_KES_API_KEY: "@api-key" }, {}],
      [{ KES_API_KEY: `@${join(dir, "api-key")}` }, {}],
      [{}, { flag: "@api-key" }],
    ] as const) {
      const { result, stderr } = await read(env, more);
      expect(result).to.have.nested.property("apiKey.identity", apiKey.identity);
      expect(stderr).to.equal("");
    }
  });

  it("notes an API key in the command line, once and without it", async () => {
    const { result, stderr } = await read({}, { flag: apiKey.toString() });
    expect(result).to.have.nested.property("apiKey.identity", apiKey.identity);
    expect(stderr).to.equal(
      "kes: the API key stands in the list of processes: better set MINIO_KES_API_KEY, or give --api-key @FILE\n",
    );
  });

  it("reads an API key from a pipe, for which it waits", async function () {
    if (process.platform === "win32") this.skip();
    await promisify(execFile)("mkfifo", ["-m", "600", join(dir, "pipe")]);
    const reading = read({ MINIO_KES_API_KEY: "@pipe" });
    await writeFile(join(dir, "pipe"), apiKey.toString());
    expect((await reading).result).to.have.nested.property("apiKey.identity", apiKey.identity);
  });

  it("notes secrets that every user can read, and others not", async function () {
    if (process.platform === "win32") this.skip();
    expect((await read({ MINIO_KES_API_KEY: "@open-api-key" })).stderr).to.equal(
      "kes: every user of this machine can read the API key file 'open-api-key': chmod 600 it\n",
    );
    expect((await read(files("open.key"))).stderr).to.equal(
      "kes: every user of this machine can read the private key file 'open.key': chmod 600 it\n",
    );
    expect((await read(files("client.key"))).stderr).to.equal("");
  });

  it("gives the SDK absolute paths", async () => {
    expect((await read(files("client.key"))).result).to.deep.equal({
      certificate: join(dir, "client.crt"),
      key: join(dir, "client.key"),
    });
  });

  it("asks for the password of an encrypted key on stderr", async () => {
    const { result, stdout, stderr } = await read(files("encrypted.key"), { typed: "pässword\r" });
    expect(result).to.have.property("password", "pässword");
    expect([stdout, stderr]).to.deep.equal(["", "Enter password for private key: \n"]);
  });

  it("takes the password from the environment, and does not ask for one that is not needed", async () => {
    const env = { ...files("encrypted.key"), MINIO_KMS_KES_KEY_PASSWORD: "pässword" };
    const { result, stderr } = await read(env);
    expect(result).to.have.property("password", "pässword");
    expect(stderr).to.equal("");
    expect((await read({ ...files("client.key"), MINIO_KES_KEY_PASSWORD: "x" })).stderr).to.equal("");
    // The first that is set counts, as of all settings, and one that is empty is none.
    const first = { ...env, MINIO_KES_KEY_PASSWORD: "" };
    expect((await read(first, { typed: "pässword\r" })).stderr).to.match(/^Enter password/);
  });

  it("says that the password is wrong, wherever it came from", async () => {
    const env = { ...files("encrypted.key"), KES_KEY_PASSWORD: "other" };
    expect(await message(env)).to.equal("incorrect password");
    expect(await message(files("encrypted.key"), { typed: "other\r" })).to.equal("incorrect password");
    expect(await message(files("encrypted.key"), { typed: "\r" })).to.equal("incorrect password");
  });

  it("without a terminal says where a password can come from", async () => {
    const { result, hints } = await read(files("encrypted.key"));
    expect(result).to.have.property(
      "message",
      'cannot ask "Enter password for private key:": standard input is not a terminal',
    );
    expect(hints).to.deep.equal(["set MINIO_KES_KEY_PASSWORD to the password of the private key"]);
  });

  const faults: readonly [env: Record<string, string>, message: string][] = [
    [{ MINIO_KES_API_KEY: "kes:v1:AAAA" }, "parsing API key: kes: invalid API key: invalid length"],
    [{ MINIO_KES_API_KEY: "se-cret" }, "parsing API key: illegal base64 data at input byte 2"],
    [{ MINIO_KES_API_KEY: "@none" }, "API key file 'none': no such file or directory"],
    [{ MINIO_KES_API_KEY: "@folder" }, "API key file 'folder': is a directory"],
    [{ MINIO_KES_API_KEY: "@huge" }, "API key file 'huge': larger than 16384 bytes"],
    [{ MINIO_KES_API_KEY: "@garbage" }, "parsing API key: illegal base64 data at input byte 7"],
    [files("none.key"), "private key file 'none.key': no such file or directory"],
    [files("folder"), "private key file 'folder': is a directory"],
    [files("garbage"), "private key file 'garbage': no valid PEM data"],
    [files("client.crt"), "private key file 'client.crt': no PEM-encoded private key found"],
  ];
  for (const [env, expected] of faults) {
    it(`refuses ${Object.values(env)[0]}: ${expected}`, async () => {
      expect(await message(env)).to.equal(expected);
    });
  }
});
