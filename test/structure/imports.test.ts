/** Imports go downwards only: the rule as data, held against every file. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { expect } from "chai";

const root = resolve(import.meta.dirname, "../..");

/** Folder → folders it may import besides itself. The leaves `src/errors.ts` and `src/names.ts` are open to all. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  "src/crypto": [],
  "src/keystore": [],
  // Of identity: how PEM files are read.
  keystores: ["src/keystore", "src/identity"],
  "src/keys": ["src/crypto", "src/keystore", "src/identity"],
  "src/identity": [],
  "src/policy": [],
  "src/audit": [],
  "src/metrics": [],
  "src/config": ["src/policy", "src/keystore", "src/crypto"],
  "src/api": [
    "src/keys",
    "src/policy",
    "src/identity",
    "src/audit",
    "src/metrics",
    "src/crypto",
    "src/keystore",
  ],
  "src/server": [
    "src/api",
    "src/audit",
    "src/config",
    "src/crypto",
    "src/identity",
    "src/keys",
    "src/keystore",
    "src/metrics",
    "src/policy",
  ],
  "src/client": ["src/identity", "src/crypto"],
  "src/storage": ["src/client", "src/crypto"],
  "src/cli": [
    "src/api",
    "src/audit",
    "src/client",
    "src/config",
    "src/crypto",
    "src/identity",
    "src/keystore",
    "src/metrics",
    "src/policy",
    "src/server",
    "src/storage",
  ],
};

/** Exceptions that are part of the design: who joins the parts. */
const joins: Readonly<Record<string, readonly string[]>> = {
  "src/cli/server/serve.ts": ["keystores"],
  "src/cli/server/worker-main.ts": ["keystores"],
  "src/cli/policy/read-file.ts": ["keystores"],
  // The commands on keystores themselves, without a server.
  "src/cli/keystore/open.ts": ["keystores"],
};

/** Packages that stay in their folders. */
const confined: Readonly<Record<string, readonly string[]>> = {
  express: ["src/server", "src/storage"],
  "node-forge": ["src/identity"],
  ajv: ["src/config"],
  yaml: ["src/config"],
  commander: ["src/cli"],
  "prom-client": ["src/metrics", "src/storage"],
  "@bufbuild/protobuf": ["src/crypto"],
  "@msgpack/msgpack": ["src/crypto"],
  "@noble/ciphers": ["src/crypto"],
  undici: ["src/audit", "src/client", "src/storage", "keystores"],
  saxes: ["src/storage"],
  "@aws-sdk/checksums": ["src/storage"],
  "@fastify/busboy": ["src/storage"],
};

const LEAVES = new Set(["src/errors.ts", "src/names.ts"]);

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join("/"));
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), "utf8");
  return [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map((match) => match[1] ?? "");
}

function folderOf(file: string): string {
  return file.startsWith("keystores/") ? "keystores" : file.split("/").slice(0, 2).join("/");
}

describe("imports", () => {
  const files = [...sources("src"), ...sources("keystores")];

  it("finds the sources", () => {
    expect(files.length).to.be.greaterThan(50);
  });

  for (const file of files) {
    it(`${file} imports downwards only`, () => {
      const wrong: string[] = [];
      for (const specifier of importsOf(file)) {
        if (!specifier.startsWith(".")) continue;
        const target = relative(root, resolve(root, dirname(file), specifier))
          .split(sep)
          .join("/");
        const targetFile = target.replace(/\.js$/, ".ts");
        const to = folderOf(targetFile);
        const from = folderOf(file);
        if (LEAVES.has(targetFile) || to === from) continue;
        if (LEAVES.has(file)) wrong.push(`${specifier}: a leaf imports nothing`);
        else if (!mayImport[from]?.includes(to) && !joins[file]?.includes(to))
          wrong.push(`${specifier} (${to})`);
      }
      expect(wrong).to.deep.equal([]);
    });
  }

  it("keeps packages in their folders", () => {
    const wrong = files.flatMap((file) =>
      importsOf(file)
        .map((specifier) =>
          Object.keys(confined).find((name) => specifier === name || specifier.startsWith(`${name}/`)),
        )
        .filter((name) => name !== undefined)
        .filter((name) => !confined[name]?.some((folder) => file.startsWith(`${folder}/`)))
        .map((name) => `${file}: ${name}`),
    );
    expect(wrong).to.deep.equal([]);
  });
});
