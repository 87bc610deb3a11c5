/** What the reference's list of KES's defects (§16) says of the configuration, row by row. */
import { expect } from "chai";
import { ConfigFolder, configText, identityOf, told } from "../../support/configuration.js";

describe("configuration, and the defects of KES", () => {
  let folder: ConfigFolder;
  before(async () => {
    folder = await ConfigFolder.create();
  });
  after(() => folder.remove());
  const cacheOf = async (expiry: string): Promise<object> =>
    (await folder.load(configText(`cache: { expiry: ${expiry} }`))).cache;

  it("S16 #9: any is 5m and unused 30s, each only where it is not set", async () => {
    expect(await cacheOf("{}")).to.include({ anyMs: 300_000, unusedMs: 30_000 });
    expect(await cacheOf("{ any: 10m }")).to.include({ anyMs: 600_000, unusedMs: 30_000 });
    expect(await cacheOf("{ unused: 1m }")).to.include({ anyMs: 300_000, unusedMs: 60_000 });
    expect(await cacheOf("{ any: 10m, unused: 1m }")).to.include({ anyMs: 600_000, unusedMs: 60_000 });
  });

  it("S16 #14: the audit log is off on the console until it is switched on", async () => {
    expect((await folder.load(configText(""))).log).to.deep.include({ errorLevel: 0 });
    expect((await folder.load(configText(""))).log.auditLevel).to.be.above(0);
    expect((await folder.load(configText("log: { audit: on }"))).log.auditLevel).to.equal(0);
  });

  it("S16 #17: skip_auth is for five routes; others and unknown paths are refused", async () => {
    for (const path of ["/v1/ready", "/v1/status", "/v1/metrics", "/v1/api", "/version"]) {
      const config = await folder.load(configText(`api: { ${path}: { skip_auth: true } }`));
      expect(config.api.get(path)).to.deep.include({ skipAuth: true });
    }
    for (const path of ["/v1/key/decrypt/", "/v1/key/list/", "/v1/log/audit", "/v1/nope", "/v1/Ready"]) {
      const faults = await folder.faults(configText(`api: { ${path}: { skip_auth: true } }`));
      expect(faults.join("\n"), path).to.include(path);
    }
    const mended = await folder.load(configText("api: { /v1/ready/: { skip_auth: true } }"));
    expect(mended.api.get("/v1/ready")).to.deep.include({ skipAuth: true });
  });

  it("S16 #20: names of keys to create are checked", async () => {
    const config = await folder.load(configText("keys: [{ name: my-key }]"));
    expect(config.keys.map(({ name }) => name)).to.deep.equal(["my-key"]);
    for (const name of ["my.key", "-a", "_", "a/b", "'*'", "''"]) {
      const faults = await folder.faults(configText(`keys: [{ name: ${name} }]`));
      expect(faults.join("\n"), name).to.match(/keys\[0\]/);
    }
  });

  it("S16 #24: a pattern whose meaning changed is refused, unless the policy says which meaning it has", async () => {
    const policy = (compat: string): string =>
      configText(
        `policy: { my-app: { ${compat}allow: ["/v1/key/*/my-app*"], identities: [${identityOf("b")}] } }`,
      );
    expect((await folder.faults(policy(""))).join("\n")).to.include("/v1/key/*/my-app*");
    const [loaded] = (await folder.load(policy("compat: globs, "))).policies;
    expect(loaded?.policy.allow[0]?.matches("/v1/key/create/my-app-1")).to.equal(true);
    expect(loaded?.policy.allow[0]?.matches("/v1/key/create/other")).to.equal(false);
  });

  it("S16 #29: identities are read in small letters, and checked", async () => {
    const capitals = identityOf("a").toUpperCase();
    const config = await folder.load(configText("", { admin: `admin: { identity: ${capitals} }\n` }));
    expect(config.admin.identity).to.equal(identityOf("a"));
    expect(told(config.warnings).join("\n")).to.include("admin.identity");
    const policy = (who: string): string =>
      configText(`policy: { my-app: { allow: [/v1/status], identities: [${who}] } }`);
    const [loaded] = (await folder.load(policy(identityOf("b").toUpperCase()))).policies;
    expect(loaded?.identities).to.deep.equal([identityOf("b")]);
    // One digit short: a slip that would lock somebody out, or in.
    expect(await folder.faults(policy(`"${identityOf("b").slice(1)}"`))).to.have.length(1);
  });
});
