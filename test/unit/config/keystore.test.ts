import { expect } from "chai";
import { ConfigFolder, configText, reference } from "../../support/configuration.js";

/** Keystore section → faults. */
const refused: readonly (readonly [string, string, readonly string[]])[] = [
  [
    "none",
    "",
    [
      "kes.yml: keystore: kesconf: no keystore specified; set one of: fs, vault, aws.secretsmanager " +
        "(keys in memory alone: 'kes server --dev')",
    ],
  ],
  [
    "sections without content",
    "keystore: { fs: null, vault: , aws: { secretsmanager: ~ } }\n",
    [
      "kes.yml:4:1: keystore: kesconf: no keystore specified; set one of: fs, vault, aws.secretsmanager " +
        "(keys in memory alone: 'kes server --dev')",
    ],
  ],
  [
    "two",
    "keystore:\n  fs: { path: a }\n  aws:\n    secretsmanager: { endpoint: e, region: r }\n",
    [
      "kes.yml:7:5: keystore.aws.secretsmanager: kesconf: invalid keystore config: more than once keystore " +
        "specified; 'fs' stands at line 5",
    ],
  ],
  [
    "an empty fs, as in KES's sample",
    "keystore:\n  fs: {}\n",
    [
      "kes.yml:5:3: keystore.fs.path: kesconf: invalid fs keystore: no path specified; set 'keystore.fs.path'",
    ],
  ],
  [
    "an empty path",
    "keystore:\n  fs:\n    path: ''\n",
    [
      "kes.yml:6:5: keystore.fs.path: kesconf: invalid fs keystore: no path specified; set 'keystore.fs.path'",
    ],
  ],
  [
    "required options of a group, by KES's name for it",
    "keystore:\n  aws:\n    secretsmanager: { region: r }\n",
    [
      "kes.yml:6:5: keystore.aws.secretsmanager.endpoint: kesconf: invalid AWS secretsmanager keystore: no endpoint " +
        "specified; set 'keystore.aws.secretsmanager.endpoint'",
    ],
  ],
  [
    "a message of the adapter's own",
    "keystore: { vault: {} }\n",
    [
      "kes.yml:4:13: keystore.vault.endpoint: kesconf: invalid vault keystore: no endpoint specified; set " +
        "'keystore.vault.endpoint'",
    ],
  ],
  [
    "one that KES has and this version has not",
    "keystore: { gcp: { secretmanager: { project_id: p } } }\n",
    [
      "kes.yml:4:20: keystore.gcp.secretmanager: keystore 'gcp.secretmanager' is not supported by this version; " +
        "supported: fs, vault, aws.secretsmanager",
    ],
  ],
  [
    "unknown ones",
    "keystore:\n  valt: {}\n  aws: { secretmanager: {} }\n  zzzzzzzz: {}\n",
    [
      "kes.yml:5:3: keystore.valt: unknown keystore 'valt'; did you mean 'vault'?",
      "kes.yml:6:10: keystore.aws.secretmanager: unknown keystore 'secretmanager'; did you mean 'secretsmanager'?",
      "kes.yml:7:3: keystore.zzzzzzzz: unknown keystore 'zzzzzzzz'; known here: fs, vault, aws, fortanix, gemalto, gcp, azure, entrust",
    ],
  ],
  [
    "a list, a text",
    "keystore:\n  fs: [a]\n",
    ["kes.yml:5:7: keystore.fs: expected a mapping (lines of 'key: value'), found a list"],
  ],
  [
    "a text for all",
    "keystore: fs\n",
    ["kes.yml:4:11: keystore: expected a mapping (lines of 'key: value'), found a single value"],
  ],
  [
    "wrong options, without telling the values",
    "keystore: { vault: { endpoint: e, version: s3cret, retries: -1, verify: s3cret, status: { ping: -1s }, pth: s3cret } }\n",
    [
      "kes.yml:4:44: keystore.vault.version: must be one of: v1, v2",
      "kes.yml:4:61: keystore.vault.retries: must be >= 0",
      "kes.yml:4:73: keystore.vault.verify: 's3cret' is not a boolean; write true or false",
      "kes.yml:4:97: keystore.vault.status.ping: '-1s' is negative; it must not be negative",
      "kes.yml:4:104: keystore.vault.pth: unknown key 'pth'; known here: endpoint, prefix, version, retries, verify, approle, headers, scopes, status (keys of your own begin with 'x-')",
    ],
  ],
  [
    "a section behind a reference of its schema",
    "keystore: { vault: { endpoint: e, approle: { id: i, sekret: s } } }\n",
    [
      "kes.yml:4:53: keystore.vault.approle.sekret: unknown key 'sekret'; did you mean 'secret'? (keys of your own begin with 'x-')",
    ],
  ],
];

describe("keystore section", () => {
  let folder: ConfigFolder;
  before(async () => {
    folder = await ConfigFolder.create();
  });
  after(() => folder.remove());

  for (const [what, keystore, faults] of refused) {
    it(`refuses ${what}`, async () => {
      expect(await folder.faults(configText("", { keystore }))).to.deep.equal(faults);
    });
  }

  it("gives adapters typed options with defaults", async () => {
    const keystore = [
      "keystore:",
      "  x-note: mine",
      "  gcp: {}",
      "  azure: { keyvault: null }",
      "  vault:",
      `    endpoint: ${reference("URL")}`,
      "    prefix: 0123",
      "    retries: 5",
      "    verify: no",
      "    x-note: mine",
      "    headers: { x-team: storage, __proto__: y }",
      "    scopes: [a, ~, b]",
      `    approle: { id: on, secret: "${reference("S")}" }`,
      "    status: { ping: 1m30s }",
      "",
    ].join("\n");
    const config = await folder.load(configText("", { keystore }), { env: { URL: "https://v", S: "s" } });
    const options = config.keystore.options;
    expect(config.keystore.kind).to.equal("vault");
    // JSON shows what objects without prototype hold, `__proto__` included.
    expect(JSON.parse(JSON.stringify(options).replace("__proto__", "proto"))).to.deep.equal({
      endpoint: "https://v",
      prefix: "0123",
      version: "v1",
      retries: 5,
      verify: false,
      headers: { "x-team": "storage", proto: "y" },
      scopes: ["a", "b"],
      approle: { id: "on", secret: "s" },
      status: { ping: 90_000 },
    });
  });

  it("loads the adapter that is named and no other", async () => {
    const loaded: string[] = [];
    const adapter = { schema: { type: "object" }, open: () => Promise.reject(new Error("not opened")) };
    const load = (name: string) => async () => {
      loaded.push(name);
      return { adapter };
    };
    await folder.load(configText("", { keystore: "keystore: { fs: {} }\n" }), {
      adapters: { fs: load("fs"), vault: load("vault") },
    });
    expect(loaded).to.deep.equal(["fs"]);
  });
});
