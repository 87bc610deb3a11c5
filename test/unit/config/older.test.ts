import { expect } from "chai";
import type { CanonicalPath } from "../../../src/policy/policy.js";
import { allows } from "../../../src/policy/policy.js";
import { ConfigFolder, configText, identityOf, told } from "../../support/configuration.js";

const OLDER = "an older KES key; write";

describe("older KES keys", () => {
  let folder: ConfigFolder;
  before(async () => {
    folder = await ConfigFolder.create();
  });
  after(() => folder.remove());

  it("root is the admin", async () => {
    const config = await folder.load(configText(`root: ${identityOf("a")}`, { admin: "" }));
    expect(config.admin.identity).to.equal(identityOf("a"));
    expect(told(config.warnings)).to.deep.equal([`1:1 root ${OLDER} 'admin.identity' instead`]);
  });

  it("root is ignored beside admin", async () => {
    const config = await folder.load(configText(`root: ${identityOf("a")}`));
    expect(config.admin).to.deep.equal({ text: "disabled" });
    expect(told(config.warnings)).to.deep.equal([
      "1:1 root an older KES key, ignored because 'admin.identity' is set; remove it",
    ]);
  });

  it("cache.expiry.all is any", async () => {
    const config = await folder.load(configText("cache: { expiry: { all: 7m } }"));
    expect(config.cache.anyMs).to.equal(420_000);
    expect(told(config.warnings)).to.deep.equal([
      `1:20 cache.expiry.all ${OLDER} 'cache.expiry.any' instead`,
    ]);
  });

  it("faults of a moved value name the place where it stands", async () => {
    expect(await folder.faults(configText("cache: { expiry: { all: -1s } }"))).to.deep.equal([
      "kes.yml:1:25: cache.expiry.any: kesconf: invalid cache expiry '-1s'; it must not be negative",
    ]);
  });

  it("policy.paths is allow, with the meaning that patterns had then", async () => {
    const config = await folder.load(configText("policy: { p: { paths: [ '/v1/key/*/my-app*' ] } }"));
    const policy = config.policies[0]?.policy;
    const allowed = (path: string) => policy !== undefined && allows(policy, path as CanonicalPath);
    expect(allowed("/v1/key/decrypt/my-app1")).to.equal(true);
    expect(allowed("/v1/key/decrypt/other")).to.equal(false);
    expect(told(config.warnings)[0]).to.match(
      /^1:16 policy\.p\.paths an older KES key; write 'allow' instead/,
    );
  });

  it("policy.paths never adds to rules that stand beside it", async () => {
    const text = "policy: { p: { paths: [ '/v1/key/*' ], allow: [ /v1/status ] } }";
    const config = await folder.load(configText(text));
    expect(config.policies[0]?.policy.allow.map(({ pattern }) => pattern)).to.deep.equal(["/v1/status"]);
    expect(told(config.warnings)[0]).to.match(/ignored because the policy has rules/);
  });

  const keystores: readonly (readonly [string, string, object, readonly string[]])[] = [
    ["a top-level fs", "fs: { path: k }", { kind: "fs", options: { path: "k" } }, ["1:1 fs 'keystore.fs'"]],
    [
      "keys as a mapping",
      "keys: { fs: { path: k } }",
      { kind: "fs", options: { path: "k" } },
      ["1:1 keys 'keystore'"],
    ],
    [
      "top-level vault with address and name",
      "vault: { address: 'https://v', name: p }",
      {
        kind: "vault",
        options: {
          endpoint: "https://v",
          prefix: "p",
          version: "v1",
          retries: 3,
          verify: true,
          status: { ping: 15_000 },
        },
      },
      [
        "1:1 vault 'keystore.vault'",
        "1:10 keystore.vault.address 'keystore.vault.endpoint'",
        "1:32 keystore.vault.name 'keystore.vault.prefix'",
      ],
    ],
    [
      "aws of v0.7",
      [
        "keystore:",
        "  aws:",
        "    secrets_manager:",
        "      address: e",
        "      region: r",
        "      kms_key_id: m",
        "      credentials: { access_key: a, secret_key: s, session_token: t }",
      ].join("\n"),
      {
        kind: "aws.secretsmanager",
        options: {
          endpoint: "e",
          region: "r",
          kmskey: "m",
          credentials: { accesskey: "a", secretkey: "s", token: "t" },
        },
      },
      [
        "3:5 keystore.aws.secrets_manager 'keystore.aws.secretsmanager'",
        ...[
          "4:7 address 'endpoint'",
          "6:7 kms_key_id 'kmskey'",
          "7:22 credentials.access_key 'credentials.accesskey'",
          "7:37 credentials.secret_key 'credentials.secretkey'",
          "7:52 credentials.session_token 'credentials.token'",
        ].map((line) => {
          const [place, old, modern] = line.split(/ '?/);
          const base = "keystore.aws.secretsmanager";
          return `${place} ${base}.${old} '${base}.${modern}`;
        }),
      ],
    ],
  ];
  for (const [what, text, keystore, warnings] of keystores) {
    it(what, async () => {
      const config = await folder.load(configText(text, { keystore: "" }));
      expect(config.keystore).to.deep.equal(keystore);
      expect(told(config.warnings)).to.deep.equal(
        warnings.map((line) => `${line.replace(" '", ` ${OLDER} '`)} instead`),
      );
    });
  }

  it("retries and kms have no meaning", async () => {
    const keystore = "keystore: { vault: { endpoint: e, approle: { secret: s, retry: 5s } } }\n";
    const config = await folder.load(configText("kms: { vault: {} }", { keystore }));
    expect(told(config.warnings)).to.deep.equal([
      "1:1 kms an older KES key without meaning: keys rest in the keystore; encrypt them there; remove it",
      "4:57 keystore.vault.approle.retry an older KES key without meaning: the time between log-ins is fixed; remove it",
    ]);
  });

  it("a second keystore in an old place is ignored, or refused where KES refuses it", async () => {
    const config = await folder.load(configText("fs: { path: old }"));
    expect(config.keystore.options).to.deep.equal({ path: "keys" });
    expect(told(config.warnings)[0]).to.match(/^1:1 fs an older KES key, ignored/);
    expect(await folder.faults(configText("keys: { fs: { path: old } }"))).to.deep.equal([
      "kes.yml:1:1: keys: 'keys' lists keys to create; the keystore stands under 'keystore' already",
    ]);
  });

  it("generic and kes are refused with the reason", async () => {
    const faults = (name: string) =>
      folder.faults(configText("", { keystore: `keystore: { ${name}: { endpoint: x } }\n` }));
    expect(await faults("generic")).to.deep.equal([
      "kes.yml:4:13: keystore.generic: kesconf: no keystore specified: 'generic' is none that this server has; " +
        "KES dropped the REST plug-in in February 2023; move the keys to another keystore",
    ]);
    expect(await faults("kes")).to.deep.equal([
      "kes.yml:4:13: keystore.kes: kesconf: no keystore specified: 'kes' is none that this server has; " +
        "a KES server as keystore was dropped in October 2023; name the keystore behind it",
    ]);
  });

  it("odd shapes in old places do no harm", async () => {
    for (const text of ["root: [a]", "policy: { p: [ paths ] }", "cache: [ all ]", "policy: x"]) {
      expect(await folder.faults(configText(text, { admin: "" })), text).to.not.have.length(0);
    }
  });
});
