/** The walk-throughs of docs/migration.md: each section's blocks run in a folder of its own. */
import { readFileSync } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { expect } from "chai";
import { selfSigned } from "../support/certificates.js";
import { run } from "../support/child-process.js";
import { CleanUp } from "../support/clean-up.js";
import { KeystoreSite, keyValue } from "../support/keystore-site.js";
import { parseMarkdown } from "../support/markdown.js";
import { CREDENTIALS, Moto } from "../support/moto.js";
import { requireService } from "../support/services/index.js";
import { kv2Policy, Vault } from "../support/vault.js";

const FILE = "docs/migration.md";
const KEYS = 5;

/** Blocks of each section, by its title. */
function sections(): ReadonlyMap<string, readonly { readonly info: string; readonly text: string }[]> {
  const text = readFileSync(resolve(import.meta.dirname, "../..", FILE), "utf8");
  return new Map(
    text
      .split(/^## /m)
      .slice(1)
      .map((part) => {
        const [title = ""] = part.split("\n");
        return [title, parseMarkdown(FILE, part.slice(title.length)).blocks];
      }),
  );
}

describe("the walk-throughs", function () {
  this.timeout(120_000);
  const walks = sections();

  it("are those five", () => {
    expect([...walks.keys()]).to.deep.equal([
      "From KES on a file system",
      "From KES on Vault",
      "File system to Vault",
      "Vault to AWS",
      "Restore after losing the keystore",
    ]);
    for (const [title, blocks] of walks) {
      expect(
        blocks.map(({ info }) => info),
        title,
      ).to.satisfy((infos: string[]) => infos.every((info) => info === "sh walk" || info === "yaml walk"));
    }
  });

  describe("work", () => {
    const cleanUp = new CleanUp();
    let site: KeystoreSite;

    beforeEach(async function () {
      requireService(this, "openssl");
      site = await KeystoreSite.make();
      cleanUp.add(() => site.remove());
      const { keyPem, certPem } = selfSigned({ algorithm: "p256" });
      await writeFile(site.path("server.key"), keyPem, { mode: 0o600 });
      await writeFile(site.path("server.crt"), certPem);
    });
    afterEach(() => cleanUp.run());

    /** Runs a section as one script, its files written where they are shown. */
    async function walk(
      title: string,
      options: {
        readonly replace?: readonly (readonly [string, string])[];
        readonly env?: Record<string, string>;
      } = {},
    ): Promise<string> {
      const script = (walks.get(title) ?? []).map(({ info, text }) => {
        const shown = (options.replace ?? []).reduce((all, [from, to]) => all.replaceAll(from, to), text);
        if (info === "sh walk") return shown;
        const name = /^# (\S+)\n/.exec(shown)?.[1];
        if (name === undefined) throw new Error(`${title}: a file without a name in its first line`);
        return `cat > ${name} <<'END'\n${shown}END\n`;
      });
      const kes = site.program.map((word) => `'${word}'`).join(" ");
      await program("kes", `exec ${kes} "$@"`);
      const env = {
        PATH: `${site.path("bin")}:${process.env.PATH ?? ""}`,
        HOME: site.folder,
        ...options.env,
      };
      const { code, stdout, stderr } = await run(["sh", "-eux"], {
        input: script.join(""),
        cwd: site.folder,
        env,
        timeoutMs: 90_000,
      });
      expect(code, `${stdout}\n${stderr}`).to.equal(0);
      return stdout;
    }

    async function program(name: string, line: string): Promise<void> {
      await mkdir(site.path("bin"), { recursive: true });
      await writeFile(join(site.path("bin"), name), `#!/bin/sh\n${line}\n`);
      await chmod(join(site.path("bin"), name), 0o755);
    }

    /** OpenBao with keys of KES under `kv`, prefix `kes`; with a program `vault` that speaks to it. */
    async function vaultWithKeys(context: Mocha.Context): Promise<{
      readonly vault: Vault;
      readonly env: Record<string, string>;
      readonly replace: readonly (readonly [string, string])[];
    }> {
      const bao = requireService(context, "bao");
      const vault = await Vault.start(bao, site.path("bao"));
      cleanUp.add(() => vault.stop());
      await vault.mountKv("kv", "2");
      for (let i = 0; i < KEYS; i++) {
        const name = `key-${i}`;
        await vault.call("POST", `kv/data/kes/${name}`, { data: { [name]: keyValue().toString("latin1") } });
      }
      const { id, secret } = await vault.appRole("kes", kv2Policy("kv", "kes"));
      const address = { VAULT_ADDR: vault.url, BAO_ADDR: vault.url };
      const env = { ...address, VAULT_TOKEN: vault.rootToken, BAO_TOKEN: vault.rootToken };
      return {
        vault,
        env: { ...env, VAULT_ROLE_ID: id, VAULT_SECRET_ID: secret },
        replace: [["https://vault.example.com:8200", vault.url]],
      };
    }

    it("From KES on a file system", async () => {
      await site.fill("keys", KEYS);
      const before = await site.keys("keys");
      const printed = await walk("From KES on a file system");
      expect(printed)
        .to.match(/^Keys +5, read in/m)
        .and.to.match(/, 5 keys$/m);
      expect(await site.keys("keys")).to.deep.equal(before);
    });

    it("From KES on Vault", async function () {
      const { env, replace } = await vaultWithKeys(this);
      const printed = await walk("From KES on Vault", { env, replace });
      expect(printed).to.include('path "kv/data/kes/*" { capabilities = ["create", "read"] }');
      expect(printed).to.match(/, 5 keys$/m);
    });

    it("File system to Vault", async function () {
      await site.fill("keys", KEYS);
      const bao = requireService(this, "bao");
      const { vault, env, replace } = await vaultWithKeys(this);
      await vault.call("DELETE", "sys/auth/approle");
      await program("vault", `exec '${bao}' "$@"`);
      const printed = await walk("File system to Vault", { env, replace });
      expect(printed).to.include(
        "Migrated      5 keys successfully!\nMigration succeeded! No keys migrated.\n",
      );
      expect(printed).to.include("Compared      5 keys: 5 identical");
    });

    it("Vault to AWS", async function () {
      const moto = await Moto.start(requireService(this, "moto"), site.folder);
      cleanUp.add(() => moto.stop());
      const { env, replace } = await vaultWithKeys(this);
      const printed = await walk("Vault to AWS", {
        env: {
          ...env,
          AWS_ACCESS_KEY_ID: CREDENTIALS.accesskey,
          AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretkey,
        },
        replace: [...replace, ["region: us-east-1", `{ region: us-east-1, endpoint: "${moto.url}" }`]],
      });
      expect(printed).to.include("Migrated      5 keys successfully!\nCompared      5 keys: 5 identical");
    });

    it("Restore after losing the keystore", async () => {
      await site.fill("keys", KEYS);
      const before = await site.keys("keys");
      const printed = await walk("Restore after losing the keystore");
      expect(printed).to.include("Migrated      5 keys successfully!\n");
      expect(await site.keys("keys")).to.deep.equal(before);
    });
  });
});
