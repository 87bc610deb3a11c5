import { execFileSync } from "node:child_process";
import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { loadConfig } from "../../../src/config/load.js";
import { MAX_FILE_BYTES } from "../../../src/config/text-file.js";
import {
  ConfigFolder,
  configText,
  fakeIdentities,
  kesRoutes,
  NOW_MS,
  removedPaths,
  testAdapters,
} from "../../support/configuration.js";

describe("configuration files", () => {
  let folder: ConfigFolder;
  before(async () => {
    folder = await ConfigFolder.create();
  });
  after(() => folder.remove());

  const refusal = async (file: string): Promise<string> => {
    try {
      await folder.loadFile(file);
    } catch (error) {
      if (error instanceof Error) return error.message;
    }
    throw new Error("the configuration was accepted");
  };

  it("refuses a missing file", async () => {
    expect(await refusal("none.yml")).to.equal("none.yml: cannot read the configuration: no such file");
  });

  it("refuses a folder", async () => {
    await mkdir(join(folder.path, "folder"));
    expect(await refusal("folder")).to.equal(
      "folder: cannot read the configuration: is a folder, not a file",
    );
  });

  it("refuses a pipe that nobody writes to, and does not wait", async () => {
    execFileSync("mkfifo", [join(folder.path, "pipe")]);
    expect(await refusal("pipe")).to.equal("pipe: cannot read the configuration: is not a regular file");
  });

  it("refuses a file without permission", async () => {
    await folder.write("locked.yml", configText(""));
    await chmod(join(folder.path, "locked.yml"), 0);
    // Permissions do not hold root back; somebody without rights is held back as anybody is.
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) process.seteuid?.(65_534);
    try {
      const message = "locked.yml: cannot read the configuration: permission denied";
      expect(await refusal("locked.yml")).to.equal(message);
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  });

  it("refuses a file through a file", async () => {
    await folder.write("file", "x");
    expect(await refusal("file/kes.yml")).to.match(
      /^file\/kes\.yml: cannot read .* a part of its path is not a/,
    );
  });

  it("refuses UTF-16", async () => {
    const faults = await folder.faults(Buffer.from(`\ufeff${configText("")}`, "utf16le"));
    expect(faults).to.deep.equal(["kes.yml: cannot read the configuration: is not UTF-8 text"]);
  });

  it("takes a byte order mark", async () => {
    const config = await folder.load(Buffer.from(`\ufeff${configText("version: v1")}`));
    expect(config.file).to.equal(join(folder.path, "kes.yml"));
  });

  it("takes 1 MiB and no byte more", async () => {
    const text = configText("");
    const fill = "#".repeat(MAX_FILE_BYTES - text.length);
    await folder.load(text + fill);
    expect(await folder.faults(`${text}${fill}#`)).to.deep.equal([
      `kes.yml: cannot read the configuration: is larger than ${MAX_FILE_BYTES} bytes`,
    ]);
  });

  const roots: readonly (readonly [string, string, string])[] = [
    ["nothing", "", "kes.yml: EOF: the file is empty or holds only comments"],
    ["a list", "- a\n", "kes.yml:1:1: expected a mapping (lines of 'key: value'), found a list"],
    ["a text", "hello\n", "kes.yml:1:1: expected a mapping (lines of 'key: value'), found a single value"],
  ];
  for (const [what, text, message] of roots) {
    it(`refuses ${what}`, async () => expect(await folder.faults(text)).to.deep.equal([message]));
  }

  it("recognises TOML", async () => {
    const faults = await folder.faults('root = "abc"\n\n[tls]\nkey = "k"\n');
    expect(faults.at(0)).to.equal("kes.yml: this looks like a TOML file; KES reads YAML since v0.8");
  });

  it("tells all faults at once, in the order of the file", async () => {
    const text = "log: { error: x }\nadress: y\ncache: { expiry: { any: 1 } }\nkeystore: {}\n";
    const lines = (await folder.faults(text)).map((fault) => fault.split(": ").slice(0, 2).join(" "));
    expect(lines).to.deep.equal([
      "kes.yml:1:1 admin.identity",
      "kes.yml:1:1 tls.key",
      "kes.yml:1:1 tls.cert",
      "kes.yml:1:15 log.error",
      "kes.yml:2:1 adress",
      "kes.yml:3:25 cache.expiry.any",
      "kes.yml:4:1 keystore",
    ]);
  });

  it("tells at most 100 faults and how many more there are", async () => {
    const text = configText(Array.from({ length: 500 }, (_, index) => `wrong${index}: 1`).join("\n"));
    const faults = await folder.faults(text);
    expect(faults.length).to.equal(101);
    expect(faults.at(-1)).to.equal("kes.yml: and 400 more");
  });

  it("loads through its door as well", async () => {
    await folder.write("door.yml", configText(""));
    const config = await loadConfig(join(folder.path, "door.yml"), {
      env: {},
      adapters: testAdapters,
      routes: kesRoutes,
      removedPaths,
      identities: fakeIdentities,
      now: NOW_MS,
    });
    // Paths start from the working directory of the process, not from the file.
    expect(config.tls.keyFile).to.equal(join(process.cwd(), "server.key"));
  });
});
