/** What a server loads before it has read its configuration: each module is memory and time of every start. */
import { readFileSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { expect } from "chai";

const root = resolve(import.meta.dirname, "../..");

/** Packages that serving needs. Others are loaded when somebody asks for what they do. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  "src/cli/server/serve.ts": ["@bufbuild/protobuf", "@noble/ciphers", "sonic-boom"],
  // Its primary writes the logs.
  "src/cli/server/worker.ts": ["@bufbuild/protobuf", "@noble/ciphers"],
};

/** What `file` imports whenever it is loaded: no types, nothing within functions. */
function loadedBy(file: string): string[] {
  const text = readFileSync(resolve(root, file), "utf8");
  const statements = text.matchAll(/^(?:import|export)\s(?!type\s)([^;"]*?from\s+)?"([^"]+)"/gm);
  return [...statements].filter(([, names = ""]) => !isTypesOnly(names)).map(([, , from = ""]) => from);
}

function isTypesOnly(names: string): boolean {
  const [, braces] = /^\{([^}]*)\}\s*from/.exec(names.trim()) ?? [];
  if (braces === undefined) return false;
  return braces
    .split(",")
    .filter((name) => name.trim() !== "")
    .every((name) => name.trim().startsWith("type "));
}

/** Packages that are loaded with `entry`, and how many of our own files. */
function closureOf(entry: string): { packages: string[]; files: Set<string> } {
  const packages = new Set<string>();
  const files = new Set([entry]);
  for (const file of files) {
    for (const from of loadedBy(file)) {
      if (from.startsWith("."))
        files.add(relative(root, resolve(root, dirname(file), from)).replace(/\.js$/, ".ts"));
      else if (!from.startsWith("node:"))
        packages.add(
          from
            .split("/")
            .slice(0, from.startsWith("@") ? 2 : 1)
            .join("/"),
        );
    }
  }
  return { packages: [...packages].sort(), files };
}

describe("what a server loads", () => {
  it("sees through the imports", () => {
    expect(closureOf("src/cli/server/serve.ts").files).to.include("src/server/listener.ts");
    expect(closureOf("src/identity/issue.ts").packages).to.include("node-forge");
  });

  for (const [entry, needed] of Object.entries(NEEDED)) {
    it(`${entry} brings no package that serving does not need`, () => {
      expect(closureOf(entry).packages).to.deep.equal(needed);
    });
  }

  it("loads next to nothing before the young generation is held", () => {
    for (const entry of ["src/cli/main.ts", "src/cli/server/worker-main.ts"]) {
      expect(closureOf(entry).packages, entry).to.deep.equal([]);
    }
  });
});
