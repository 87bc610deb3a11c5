import { deserialize, serialize } from "node:v8";
import { expect } from "chai";
import type { Config } from "../../../src/config/config.js";
import { configOfData, configToData } from "../../../src/config/transfer.js";
import type { PolicyName } from "../../../src/names.js";
import { compilePolicy } from "../../../src/policy/documents.js";
import { allows, type CanonicalPath } from "../../../src/policy/policy.js";
import { identityOf, kesRoutes, removedPaths } from "../../support/configuration.js";

const place = { file: "kes.yml", line: 3 };
const api = { routes: kesRoutes, removedPaths };

function configWith(policies: Config["policies"]): Config {
  return {
    file: "/etc/kes.yml",
    address: { host: "", port: 7373 },
    admin: { text: "disabled" },
    tls: {
      keyFile: "k",
      certFile: "c",
      verifyClients: false,
      proxy: { identities: [], format: "auto", only: false },
    },
    server: { watch: "off", http: "node", graceMs: 1, proxyProtocol: [] },
    policies,
    api: new Map([["/v1/ready", { skipAuth: true, timeoutMs: 3 }]]),
    cache: { anyMs: 1, unusedMs: 2, offlineMs: 3, revalidateMs: 4 },
    log: { errorLevel: 0, auditLevel: 9, format: "json" },
    keys: [],
    keystore: { kind: "fs", options: { path: "keys" } },
    certificates: [],
    warnings: [],
  } as unknown as Config;
}

describe("a configuration on its way to another process", () => {
  const { policy } = compilePolicy(
    {
      allow: [{ pattern: "/v1/key/generate/a*", place }],
      deny: [{ pattern: "/v1/key/generate/ab" }],
      meaning: "current",
    },
    api,
  );
  const { policy: globs } = compilePolicy(
    { allow: [{ pattern: "/v1/key/*/a[0-9]?", place }], deny: [], meaning: "globs" },
    api,
  );
  const config = configWith([
    { name: "now" as PolicyName, policy, identities: [identityOf("a")] },
    { name: "older" as PolicyName, policy: globs, identities: [] },
  ]);
  const sent = (): Config => configOfData(deserialize(serialize(configToData(config))));

  it("loses nothing", () => {
    expect(configToData(sent())).to.deep.equal(configToData(config));
    expect(sent().api.get("/v1/ready")).to.deep.equal({ skipAuth: true, timeoutMs: 3 });
  });

  it("allows what it allowed before, in both languages of patterns", () => {
    for (const path of ["ab", "abc", "a", "b", "a1x", "a1", "aax"].flatMap((name) => [
      `/v1/key/generate/${name}`,
      `/v1/key/decrypt/${name}`,
    ])) {
      for (const [i, before] of config.policies.entries()) {
        const after = sent().policies[i]?.policy;
        const verdict = allows(before.policy, path as CanonicalPath);
        expect(after && allows(after, path as CanonicalPath), `${before.name} ${path}`).to.equal(verdict);
      }
    }
    expect(allows(globs, "/v1/key/decrypt/a1x" as CanonicalPath)).to.equal(true);
  });
});
