import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { keystores } from "../../../keystores/registry.js";
import { removedPaths, routes } from "../../../src/api/routes.js";
import type { ConfigRoute } from "../../../src/config/context.js";
import { Faults } from "../../../src/config/faults.js";
import { configSchema } from "../../../src/config/root-schema.js";
import { type JsonSchema, optionsOf } from "../../../src/config/schema.js";
import { policyDocumentSchema } from "../../../src/config/sections/policy.js";
import type { TreeNode } from "../../../src/config/tree.js";
import { parseYaml } from "../../../src/config/yaml.js";
import { allows, type CanonicalPath } from "../../../src/policy/policy.js";
import { ConfigFolder, configText, identityOf, NOW_MS } from "../../support/configuration.js";

const root = join(import.meta.dirname, "../../..");
const policiesFolder = join(root, "policies");

/** The routes that the server really has. */
const realRoutes: readonly ConfigRoute[] = routes.map(({ path, method, argument, maySkipAuth }) => ({
  path,
  method,
  argument: argument === "none" || argument === "pattern" ? argument : "name",
  skipAuth: maySkipAuth,
}));

/** `text` with its commented options in force: lines where no blank follows the '#'. */
function uncommented(text: string): string {
  return text.replace(/^( *)#(?=[^\s#])/gm, "$1");
}

/** Path of every value below `node`, as {@link optionsOf} writes paths, with its text; lists and maps without. */
function valuesOf(node: TreeNode, path = ""): readonly (readonly [string, string | undefined])[] {
  if (node.kind === "scalar") return [[path, node.text]];
  if (node.kind === "list")
    return [[path, undefined], ...node.items.flatMap((item) => valuesOf(item, `${path}[]`))];
  const below = [...node.entries].flatMap(([key, entry]) => {
    const name = path === "policy" || path === "api" || path.endsWith(".tags") ? "*" : key;
    return valuesOf(entry.node, path === "" ? name : `${path}.${name}`);
  });
  return [[path, undefined], ...below];
}

describe("kes-config.yml", () => {
  let folder: ConfigFolder;
  let text: string;
  let values: ReadonlyMap<string, readonly (string | undefined)[]>;
  before(async () => {
    folder = await ConfigFolder.create();
    text = await readFile(join(root, "kes-config.yml"), "utf8");
    for (const name of await readdir(policiesFolder)) {
      await folder.write(`policies/${name}`, await readFile(join(policiesFolder, name)));
    }
    for (const [name, digit] of [["admin", "a"] as const, ["client", "c"] as const]) {
      await folder.write(`.keswick/${name}.crt`, `CERT ${digit} ${NOW_MS + 1}`);
    }
    const faults = new Faults();
    const tree = parseYaml(uncommented(text), "kes-config.yml", faults);
    faults.throwIfAny();
    const all = new Map<string, (string | undefined)[]>();
    for (const [path, value] of tree === undefined ? [] : valuesOf(tree)) {
      all.set(path, [...(all.get(path) ?? []), value]);
    }
    values = all;
  });
  after(() => folder.remove());

  it("loads without a warning, as the first start uses it", async () => {
    const config = await folder.load(text, { adapters: keystores, routes: realRoutes, removedPaths });
    expect(config.warnings).to.deep.equal([]);
    expect(config.address).to.deep.equal({ host: "127.0.0.1", port: 7373 });
    expect(config.admin.identity).to.equal(identityOf("a"));
    expect(config.tls.keyFile).to.equal(join(folder.path, ".keswick/server.key"));
    expect(config.tls.certFile).to.equal(join(folder.path, ".keswick/server.crt"));
    expect(config.policies.map(({ name, identities }) => [name, identities])).to.deep.equal([
      ["minio", [identityOf("c")]],
    ]);
    expect(config.keystore).to.deep.equal({ kind: "fs", options: { path: ".keswick/keys" } });
  });

  it("has nothing but known options, when those in comments are set too", async () => {
    const env = {
      KES_TLS_PASSWORD: "p",
      MY_APP_IDENTITY: identityOf("d"),
      AUDIT_WEBHOOK_AUTHORIZATION: "Bearer t",
    };
    await folder.write("proxy.crt", `CERT e ${NOW_MS + 1}`);
    const all = uncommented(text)
      .replace("/etc/kes/proxy.crt", "proxy.crt")
      // There can be one keystore only; the options of the others are looked at below.
      .replace(/^ {2}(?:vault|aws):\n(?: {4}.*\n)*/gm, "")
      // Globs in the example would refuse its current patterns, and both cannot be shown at once.
      .replace(/^ *compat: globs\n/m, "");
    const config = await folder.load(all, { env, adapters: keystores, routes: realRoutes, removedPaths });
    expect(config.policies.map(({ name }) => name)).to.deep.equal(["minio", "my-app"]);
  });

  it("mentions every option of every section", async () => {
    const missing = optionsOf(configSchema)
      .map(({ path }) => path)
      .filter((path) => !values.has(path));
    expect(missing).to.deep.equal([]);
  });

  it("mentions every option of every keystore", async () => {
    for (const [kind, load] of Object.entries(keystores)) {
      const schema: JsonSchema = (await load()).adapter.schema;
      const options = optionsOf(schema, `keystore.${kind}`);
      expect(options, kind).to.not.have.length(0);
      for (const { path, default: fallback } of options) {
        expect(values.has(path), path).to.equal(true);
        if (typeof fallback === "string") expect(values.get(path), path).to.deep.equal([fallback]);
      }
    }
  });

  it("shows the real defaults", () => {
    // These are set to something else, because the file is in use.
    const inUse = new Set(["address"]);
    const shown = optionsOf(configSchema).filter(({ default: fallback }) => {
      return typeof fallback === "string" || typeof fallback === "boolean";
    });
    expect(shown.length).to.be.greaterThan(8);
    for (const { path, default: fallback } of shown) {
      if (inUse.has(path)) expect(text, path).to.include(`the default is ${fallback}`);
      else expect(values.get(path), path).to.deep.equal([String(fallback)]);
    }
  });

  it("describes every option in its schema", () => {
    for (const { path, description } of optionsOf(configSchema)) expect(description, path).to.not.equal("");
  });
});

describe("policies/", () => {
  let folder: ConfigFolder;
  before(async () => {
    folder = await ConfigFolder.create();
  });
  after(() => folder.remove());

  const load = async (text: string) => {
    await folder.write("policy.yml", text);
    const config = await folder.load(configText("policy: { p: { file: policy.yml } }"), {
      routes: realRoutes,
      removedPaths,
    });
    expect(config.warnings).to.deep.equal([]);
    const [policy] = config.policies;
    if (policy === undefined) throw new Error("the policy is missing");
    return policy.policy;
  };

  /** Document → operations on a key called `k` that it allows, and routes without argument. */
  const allowed: Readonly<Record<string, readonly string[]>> = {
    "minio.yml": ["create", "generate", "decrypt", "describe", "list", "/v1/status", "/v1/api"],
    "minio-readonly.yml": ["decrypt", "describe", "list", "/v1/status", "/v1/api"],
    "operator.yml": ["create", "describe", "list", "/v1/ready", "/v1/status", "/v1/api"],
    "monitoring.yml": [
      "/v1/metrics",
      "/v1/metrics/full",
      "/v1/ready",
      "/v1/ready/verbose",
      "/v1/status",
      "/v1/api",
    ],
    "kes-s3.yml": [
      "create",
      "generate",
      "bulk/generate",
      "decrypt",
      "bulk/decrypt",
      "describe",
      "/v1/ready",
      "/v1/status",
    ],
  };

  it("are those that the documents name", async () => {
    expect((await readdir(policiesFolder)).sort()).to.deep.equal(Object.keys(allowed).sort());
  });

  for (const [name, operations] of Object.entries(allowed)) {
    it(`${name} allows what it says and nothing else`, async () => {
      const policy = await load(await readFile(join(policiesFolder, name), "utf8"));
      const expected = operations.map((one) => (one.startsWith("/") ? one : `/v1/key/${one}/`));
      const permitted = realRoutes
        .filter(({ path, argument }) =>
          allows(policy, (argument === "none" ? path : `${path}k`) as CanonicalPath),
        )
        .map(({ path }) => path);
      expect(permitted.sort()).to.deep.equal([...expected].sort());
    });

    it(`${name} has a comment before each rule, and its spare rules are valid`, async () => {
      const text = await readFile(join(policiesFolder, name), "utf8");
      await load(uncommented(text));
      const lines = text.split("\n");
      let explained = false;
      for (const [index, line] of lines.entries()) {
        if (/^#? ?- /.test(line)) expect(explained, `${name}:${index + 1}`).to.equal(true);
        else explained = line.startsWith("# ");
      }
    });
  }

  it("are described in a schema", () => {
    expect(optionsOf(policyDocumentSchema).map(({ path }) => path)).to.deep.equal([
      "allow",
      "deny",
      "compat",
    ]);
  });
});
