import { readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Ajv } from "ajv";
import { expect } from "chai";
import { parse, parseAllDocuments } from "yaml";
import { run, runOk } from "../support/child-process.js";
import { requireService } from "../support/services/index.js";

const chart = resolve(import.meta.dirname, "../../deploy/helm/keswick");
const read = (name: string): Promise<string> => readFile(join(chart, name), "utf8");

/** A Helm that was built by the Go tool takes a version for granted that is long gone. */
const KUBERNETES = ["--kube-version", "1.30.0"];

/** Paths of all values below `value`; of free-form ones the path alone. */
function pathsOf(value: unknown, path = ""): string[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [path];
  const below = Object.entries(value).flatMap(([key, one]) =>
    pathsOf(one, path === "" ? key : `${path}.${key}`),
  );
  return below.length === 0 ? [path] : below;
}

describe("deploy/helm/keswick", function () {
  this.timeout(60_000);
  let templates: string;
  before(async () => {
    const names = await readdir(join(chart, "templates"));
    templates = (await Promise.all(names.map((name) => read(`templates/${name}`)))).join("\n");
  });

  it("has values that its own schema takes, and a schema that refuses slips", async () => {
    const check = new Ajv({ strict: true, allowUnionTypes: true, strictRequired: false }).compile(
      JSON.parse(await read("values.schema.json")),
    );
    const values: Record<string, unknown> = parse(await read("values.yaml"));
    expect(check(values), JSON.stringify(check.errors)).to.equal(true);
    expect(check({ ...values, replica: 3 })).to.equal(false);
    expect(check({ ...values, admin: { identity: "me" } })).to.equal(false);
    expect(check({ ...values, config: { address: ":1" } })).to.equal(false);
  });

  it("uses every value that it documents, and documents every value that it uses", async () => {
    const documented = pathsOf(parse(await read("values.yaml")));
    const used = new Set(
      [...templates.matchAll(/\.Values((?:\.\w+)+)/g)].map(([, path = ""]) => path.slice(1)),
    );
    const covers = (one: string, other: string): boolean => one === other || other.startsWith(`${one}.`);
    expect(documented.filter((path) => ![...used].some((one) => covers(one, path)))).to.deep.equal([]);
    expect([...used].filter((one) => !documented.some((path) => covers(one, path)))).to.deep.equal([]);
  });

  it("its templates close what they open", async () => {
    const opened = templates.match(/\{\{-? *(?:if|with|range|define)\b/g) ?? [];
    const closed = templates.match(/\{\{-? *end *-?\}\}/g) ?? [];
    expect(closed.length).to.equal(opened.length);
  });

  it("helm lint has nothing to say against it", async function () {
    const helm = requireService(this, "helm");
    const { code, stdout } = await run([
      helm,
      "lint",
      "--strict",
      chart,
      "--set",
      "persistence.enabled=true",
    ]);
    expect(code, stdout).to.equal(0);
  });

  const settings: Readonly<Record<string, readonly string[]>> = {
    "keys in files": ["persistence.enabled=true"],
    "keys in Vault": [
      "config.keystore.vault.endpoint=https://vault:8200",
      "serviceAccount.automountToken=true",
    ],
    "an offline window": ["persistence.enabled=true", "config.cache.expiry.offline=1h"],
    "much of it set": [
      "persistence.enabled=true",
      "persistence.existingClaim=mine",
      "secretEnv=kes-env",
      "networkPolicy.from[0].podSelector.matchLabels.app=minio",
      "podAnnotations.a=b",
      "nodeSelector.disk=ssd",
      "config.policy.minio.allow[0]=/v1/key/create/*",
    ],
  };
  for (const [what, set] of Object.entries(settings)) {
    it(`renders to resources with a configuration in them: ${what}`, async function () {
      const helm = requireService(this, "helm");
      const flags = set.flatMap((one) => ["--set", one]);
      const text = await runOk([helm, "template", "test", chart, ...KUBERNETES, ...flags]);
      const resources = parseAllDocuments(text).map((document) => document.toJS() as Record<string, unknown>);
      const kinds = resources.map(({ kind }) => kind);
      expect(kinds).to.include.members([
        "ConfigMap",
        "Deployment",
        "Service",
        "NetworkPolicy",
        "PodDisruptionBudget",
      ]);
      const map = resources.find(({ kind }) => kind === "ConfigMap") as { data: Record<string, string> };
      const config: unknown = parse(map.data["kes-config.yml"] ?? "");
      expect(config).to.have.nested.property("server.health.address", "0.0.0.0:7374");
      expect(config).to.have.property("keystore");
      const isOffline = what === "an offline window";
      const probe = "spec.template.spec.containers[0].readinessProbe.httpGet.path";
      const deployment = resources.find(({ kind }) => kind === "Deployment");
      expect(deployment).to.have.nested.property(probe, isOffline ? "/live" : "/ready");
    });
  }

  it("does not render without a keystore", async function () {
    const helm = requireService(this, "helm");
    const { code, stderr } = await run([helm, "template", "test", chart, ...KUBERNETES]);
    expect(code).to.not.equal(0);
    expect(stderr).to.include("no keystore");
  });
});
