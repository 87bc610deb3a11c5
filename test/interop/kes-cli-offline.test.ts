/**
 * Commands that need no server: the original program against ours, each on what the other made.
 * Needs a binary of the original, see `KESWICK_KES_BINARY`.
 */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { type Command, type RunResult, run } from "../support/child-process.js";
import { CleanUp } from "../support/clean-up.js";
import { kesCommand, type ServerKind } from "../support/kes-server.js";
import { type ApiKey, type KesSite, makeApiKey, makeKesSite, withOwnKeys } from "../support/kes-site.js";
import { requireService } from "../support/services/index.js";

const kinds: readonly ServerKind[] = ["original", "ours"];

/** Two encodings that both programs must copy byte for byte, and a name that the pattern leaves out. */
const storedKeys = {
  "app-legacy": `{"bytes":"${Buffer.alloc(32).toString("base64")}"}`,
  "app-current":
    "CiQKIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fEAESJAogICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8QARoLCIDiz6oGEJWa7zo=",
  other: `{"bytes":"${Buffer.alloc(32, 1).toString("base64")}"}`,
};

describe("interop: the original command line and ours without a server", function () {
  this.timeout(30_000);

  const cleanUp = new CleanUp();
  let site: KesSite;
  let apiKey: ApiKey;
  let commands: Readonly<Record<ServerKind, Command>>;

  before(async function () {
    commands = { original: kesCommand(this, "original"), ours: kesCommand(this, "ours") };
    const openssl = requireService(this, "openssl");
    site = await makeKesSite(openssl);
    cleanUp.add(() => site.remove());
    apiKey = await makeApiKey(openssl);
  });

  after(() => cleanUp.run());

  function kes(kind: ServerKind, ...args: string[]): Promise<RunResult> {
    return run([...commands[kind], ...args], { env: { HOME: site.folder } });
  }

  for (const kind of kinds) {
    it(`${kind}: tells the identity of an API key and of a certificate as openssl does`, async () => {
      const { certFile, identity } = site.client;
      expect(await kes(kind, "identity", "of", apiKey.text)).to.include({ code: 0, stdout: apiKey.identity });
      expect(await kes(kind, "identity", "of", certFile)).to.include({ code: 0, stdout: identity });
      expect(await kes(kind, "identity", apiKey.text)).to.include({ code: 0, stdout: apiKey.identity });
    });

    it(`${kind}: makes key and certificate files that the other program reads`, async () => {
      const [keyFile, certFile] = [
        join(site.folder, `${kind}-new.key`),
        join(site.folder, `${kind}-new.crt`),
      ];
      const made = await kes(
        kind,
        "identity",
        "new",
        "--key",
        keyFile,
        "--cert",
        certFile,
        "--ip",
        "127.0.0.1",
      );
      expect(made.code, made.stderr).to.equal(0);
      const other = kind === "ours" ? "original" : "ours";
      const { stdout: identity } = await kes(other, "identity", "of", certFile);
      expect(identity).to.match(/^[0-9a-f]{64}$/);
      expect(made.stdout).to.include(identity);
      // The private key file becomes the API key of the same identity.
      const { stdout: fromKeyFile } = await kes(other, "identity", keyFile);
      expect(await kes(kind, "identity", "of", fromKeyFile)).to.include({ code: 0, stdout: identity });
    });

    it(`${kind}: migrates the keys that match, byte for byte`, async () => {
      const source = await withOwnKeys(site, `${kind}-source`);
      const target = await withOwnKeys(site, `${kind}-target`);
      for (const [name, value] of Object.entries(storedKeys))
        await writeFile(join(source.keyFolder, name), value);
      const files = ["--from", source.configFile, "--to", target.configFile];

      const migrated = await kes(kind, "migrate", ...files, "app-*");
      expect(migrated.code, migrated.stderr).to.equal(0);
      expect((await readdir(target.keyFolder)).sort()).to.deep.equal(["app-current", "app-legacy"]);
      for (const name of ["app-current", "app-legacy"] as const) {
        expect(await readFile(join(target.keyFolder, name), "utf8")).to.equal(storedKeys[name]);
      }

      expect((await kes(kind, "migrate", ...files, "app-*")).code).to.equal(1);
      expect((await kes(kind, "migrate", "--merge", ...files)).code).to.equal(0);
      expect((await readdir(target.keyFolder)).sort()).to.deep.equal(Object.keys(storedKeys).sort());
    });
  }

  const refused: readonly (readonly string[])[] = [
    ["identity", "of", "no-such-file"],
    ["identity", "new", "--key", "only-a-key"],
    ["identity", "new", "--expiry", "1h"],
    ["migrate"],
    ["key", "frobnicate"],
    ["frobnicate"],
    ["key", "ls", "--no-such-flag"],
  ];
  for (const args of refused) {
    it(`refuses alike: kes ${args.join(" ")}`, async () => {
      const [theirs, mine] = await Promise.all([kes("original", ...args), kes("ours", ...args)]);
      expect({ code: mine.code, stdout: mine.stdout }).to.deep.equal({
        code: theirs.code,
        stdout: theirs.stdout,
      });
    });
  }
});
