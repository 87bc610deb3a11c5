import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { allows, type CanonicalPath } from "../../../src/policy/policy.js";
import { ConfigFolder, configText, identityOf, reference, told } from "../../support/configuration.js";

const CREATE = "/v1/key/create/x" as CanonicalPath;

describe("configured policies", () => {
  let folder: ConfigFolder;
  before(async () => {
    folder = await ConfigFolder.create();
    await folder.write(
      "policies/app.yml",
      "# rules\nx-owner: storage\nallow:\n- /v1/key/create/*\ndeny: [ /v1/key/create/no* ]\n",
    );
    await folder.write("policies/old.yml", "compat: globs\nallow: [ '/v1/key/*/x' ]\n");
    await folder.write(
      "policies/bad.yml",
      "allow:\n- /v1/key/creat/*\ndeni: [ /v1/status ]\nidentities: []\n",
    );
    await folder.write("policies/tab.yml", "allow:\n\t- /v1/status\n");
    await folder.write("policies/empty.yml", "# nothing\n");
    await folder.write("elsewhere/kes.yml", configText("policy: { p: { file: policies/app.yml } }"));
    await folder.write("elsewhere/dot.yml", configText("policy: { p: { file: ./policies/app.yml } }"));
    await folder.write("both/kes.yml", configText("policy: { p: { file: policies/app.yml } }"));
    await folder.write("both/policies/app.yml", "allow: [ /v1/status ]\n");
  });
  after(() => folder.remove());

  it("stand inline", async () => {
    const text = [
      "policy:",
      "  app:",
      "    allow: [ '/v1/key/create/*' ]",
      "    deny:",
      "    - /v1/key/create/no*",
      `    identities: [ ${identityOf("a")} ]`,
      "    x-owner: storage",
    ].join("\n");
    const [policy] = (await folder.load(configText(text))).policies;
    expect(policy?.name).to.equal("app");
    expect(policy?.identities).to.deep.equal([identityOf("a")]);
    expect(policy !== undefined && allows(policy.policy, CREATE)).to.equal(true);
    expect(policy?.policy.deny[0]?.place).to.deep.equal({ file: "kes.yml", line: 5 });
  });

  it("stand in a document, beside their identities", async () => {
    const text = `policy: { app: { file: policies/app.yml, identities: [ ${identityOf("a")} ], allow: ~ } }`;
    const [policy] = (await folder.load(configText(text))).policies;
    expect(policy?.identities).to.deep.equal([identityOf("a")]);
    expect(policy !== undefined && allows(policy.policy, CREATE)).to.equal(true);
    expect(policy?.policy.allow[0]?.place).to.deep.equal({ file: "policies/app.yml", line: 4 });
  });

  it("look for documents beside the file first, then in the working directory", async () => {
    const patterns = async (file: string) =>
      (await folder.loadFile(file)).policies[0]?.policy.allow.map(({ pattern }) => pattern);
    expect(await patterns("elsewhere/kes.yml")).to.deep.equal(["/v1/key/create/*"]);
    expect(await patterns("both/kes.yml")).to.deep.equal(["/v1/status"]);
  });

  it("take a document's path from the environment, absolute too", async () => {
    const text = configText(`policy: { p: { file: "${reference("FILE")}" } }`);
    const file = join(folder.path, "policies/app.yml");
    expect((await folder.load(text, { env: { FILE: file } })).policies[0]?.policy.allow).to.have.length(1);
  });

  it("mean globs when they say so, here and in a document", async () => {
    const inline =
      "policy: { p: { compat: globs, allow: [ '/v1/key/*/x' ], deny: [ '/v1/key/decryp?/*' ] } }";
    for (const text of [inline, "policy: { p: { file: policies/old.yml } }"]) {
      const [policy] = (await folder.load(configText(text))).policies;
      expect(policy !== undefined && allows(policy.policy, CREATE), text).to.equal(true);
      const decrypt = "/v1/key/decrypt/x" as CanonicalPath;
      expect(policy !== undefined && allows(policy.policy, decrypt), text).to.equal(text !== inline);
    }
  });

  it("may be empty, and may begin with x-", async () => {
    const config = await folder.load(configText("policy:\n  none: ~\n  x-a:\n  __proto__: {}"));
    expect(config.policies.map(({ name }) => name)).to.deep.equal(["none", "x-a", "__proto__"]);
    for (const { policy } of config.policies) expect(policy).to.deep.equal({ allow: [], deny: [] });
  });

  it("share rules through anchors", async () => {
    const text = [
      "x-rules: &rules { allow: [ /v1/status ] }",
      "policy:",
      `  a: { <<: *rules, identities: [ ${identityOf("a")} ] }`,
      `  b: { <<: *rules, deny: [ /v1/status ] }`,
    ].join("\n");
    const [a, b] = (await folder.load(configText(text))).policies;
    const status = "/v1/status" as CanonicalPath;
    expect(a !== undefined && allows(a.policy, status)).to.equal(true);
    expect(b !== undefined && allows(b.policy, status)).to.equal(false);
  });

  it("warn of rules for what was removed, and keep them", async () => {
    const config = await folder.load(
      configText("policy: { p: { allow: [ /v1/policy/write/x, /v1/status ] } }"),
    );
    expect(config.policies[0]?.policy.allow).to.have.length(2);
    expect(told(config.warnings)).to.deep.equal([
      "1:25 policy.p.allow[0] '/v1/policy/write/x': this part of the API was removed and answers 501; remove the rule",
    ]);
  });

  const refused: readonly (readonly [string, string, readonly string[]])[] = [
    [
      "patterns that can never match",
      "policy:\n  p:\n    allow:\n    - ~\n    - /v1/status\n    - /v1/create/*\n    deny: [ '/v1/key/list' ]",
      [
        "kes.yml:6:7: policy.p.allow[1]: pattern '/v1/create/*' can never match: paths of keys had no '/key' in KES and MinIO's documents until 2020; today it is '/v1/key/create/*'",
        "kes.yml:7:13: policy.p.deny[0]: pattern '/v1/key/list' can never match: the API has no such path; did you mean '/v1/key/list/*'?",
      ],
    ],
    [
      "references as patterns",
      `policy: { p: { allow: [ "${reference("P")}" ] } }`,
      [
        `kes.yml:1:25: policy.p.allow[0]: pattern '${reference("P")}' can never match: environment variables are not looked up in patterns`,
      ],
    ],
    [
      "lists in lists, and tells the others nonetheless",
      "policy: { p: { allow: [ [ /v1/status ], /v1/nope ] } }",
      [
        "kes.yml:1:25: policy.p.allow[0]: expected a text, found a list",
        "kes.yml:1:41: policy.p.allow[1]: pattern '/v1/nope' can never match: the API has no such path",
      ],
    ],
    [
      "rules beside a document",
      "policy: { p: { file: policies/app.yml, deny: [ /v1/status ], compat: globs } }",
      [
        "kes.yml:1:40: policy.p.deny: 'deny' stands beside 'file'; write it in the document",
        "kes.yml:1:62: policy.p.compat: 'compat' stands beside 'file'; write it in the document",
      ],
    ],
    [
      "another compat",
      "policy: { p: { compat: regex } }",
      ["kes.yml:1:24: policy.p.compat: must be one of: globs"],
    ],
    [
      "a missing document",
      "policy: { p: { file: policies/none.yml } }",
      ["kes.yml:1:22: policy.p.file: no such policy document; looked for 'policies/none.yml'"],
    ],
    [
      "a folder as document",
      "policy: { p: { file: policies } }",
      ["kes.yml:1:22: policy.p.file: cannot read the policy document 'policies': is a folder, not a file"],
    ],
    [
      "faults of a document, at their place in it",
      "policy: { p: { file: policies/bad.yml }, q: { file: policies/tab.yml }, r: { file: policies/empty.yml } }",
      [
        "policies/bad.yml:2:3: allow[0]: pattern '/v1/key/creat/*' can never match: the API has no such path; did you mean '/v1/key/create/*'?",
        "policies/bad.yml:3:1: deni: unknown key 'deni'; did you mean 'deny'? (keys of your own begin with 'x-')",
        "policies/bad.yml:4:1: identities: unknown key 'identities'; known here: allow, deny, compat (keys of your own begin with 'x-')",
        "policies/tab.yml:2:1: invalid YAML: Tabs are not allowed as indentation; indent with blanks",
        "policies/empty.yml: EOF: the file is empty or holds only comments",
      ],
    ],
  ];
  for (const [what, text, faults] of refused) {
    it(`refuses ${what}`, async () => expect(await folder.faults(configText(text))).to.deep.equal(faults));
  }

  it("refuses a missing document with both places", async () => {
    let message = "";
    await folder.write("elsewhere/none.yml", configText("policy: { p: { file: policies/none.yml } }"));
    for (const file of ["elsewhere/none.yml", "elsewhere/dot.yml"]) {
      try {
        await folder.loadFile(file);
      } catch (error) {
        message += error instanceof Error ? `${error.message}\n` : "";
      }
    }
    expect(message.trim().split("\n")).to.deep.equal([
      "elsewhere/none.yml:1:22: policy.p.file: no such policy document; looked for 'elsewhere/policies/none.yml' and 'policies/none.yml'",
      "elsewhere/dot.yml:1:22: policy.p.file: no such policy document; looked for 'elsewhere/policies/app.yml'",
    ]);
  });

  it("refuses a document without permission rather than to look further", async () => {
    await folder.write("locked/policies/app.yml", "allow: [ /v1/status ]\n");
    await folder.write("locked/kes.yml", configText("policy: { p: { file: policies/app.yml } }"));
    await chmod(join(folder.path, "locked/policies/app.yml"), 0);
    await chmod(folder.path, 0o755);
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) process.seteuid?.(65_534);
    try {
      await folder.loadFile("locked/kes.yml");
      expect.fail("the configuration was accepted");
    } catch (error) {
      expect(String(error)).to.match(
        /cannot read the policy document 'locked\/policies\/app\.yml': permission denied/,
      );
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  });
});
