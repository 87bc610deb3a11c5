/** Imports go downwards only: the rule as data, held against every file. */
import { expect } from "chai";
import { importsOf, sources, targetsOf } from "./import-graph.js";

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

/**
 * The same between the parts of the storage module. What stands in its top folder is open to all of them; `keys`
 * and `sse` know each other's words.
 */
const storageMayImport: Readonly<Record<string, readonly string[]>> = {
  s3: [],
  sse: ["s3", "keys"],
  keys: ["sse"],
  store: ["s3", "sse"],
  objects: ["s3", "sse", "keys"],
  local: ["objects", "s3", "sse", "keys", "store"],
  gateway: ["objects", "s3", "sse", "keys"],
  server: ["console", "objects", "s3", "sse", "keys"],
  console: ["server", "objects", "s3", "sse"],
};

/** Exceptions that are part of the design: who joins the parts. */
const joins: Readonly<Record<string, readonly string[]>> = {
  "src/cli/server/serve.ts": ["keystores"],
  "src/cli/server/worker.ts": ["keystores"],
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
      for (const targetFile of targetsOf(file)) {
        const to = folderOf(targetFile);
        const from = folderOf(file);
        if (LEAVES.has(targetFile) || to === from) continue;
        if (LEAVES.has(file)) wrong.push(`${targetFile}: a leaf imports nothing`);
        else if (!mayImport[from]?.includes(to) && !joins[file]?.includes(to))
          wrong.push(`${targetFile} (${to})`);
      }
      expect(wrong).to.deep.equal([]);
    });
  }

  it("keeps the parts of the storage module apart", () => {
    const partOf = (file: string): string | undefined => /^src\/storage\/([^/]+)\//.exec(file)?.[1];
    const inside = files.filter((file) => file.startsWith("src/storage/"));
    const parts = new Set(inside.map(partOf).filter((part) => part !== undefined));
    expect([...parts].sort()).to.deep.equal(Object.keys(storageMayImport).sort());
    const wrong = inside.flatMap((file) => {
      const from = partOf(file);
      return targetsOf(file).flatMap((target) => {
        const to = partOf(target);
        if (to === undefined || to === from) return [];
        return from !== undefined && storageMayImport[from]?.includes(to) ? [] : [`${file}: ${target}`];
      });
    });
    expect(wrong).to.deep.equal([]);
  });

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
