import { expect } from "chai";
import { parseAccessKeys } from "../../../../src/cli/s3/access-key-file.js";
import { ConfigError } from "../../../../src/errors.js";

function faultsOf(text: string): string[] {
  try {
    parseAccessKeys(text, "keys.yml", "root");
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split("\n");
    throw error;
  }
  return [];
}

const key = (rest: string): string => `keys:\n- access-key: one\n  secret-key: a-secret\n${rest}`;

describe("cli/s3 access key file", () => {
  it("reads keys with all, fewer and no rights", () => {
    const text = `
keys:
- access-key: all
  secret-key: all-secret
- access-key: reader
  secret-key: reader-secret
  access: read-only
- access-key: part
  secret-key: part-secret
  access: read-write
  buckets: [archive, "logs/2026/", 'logs/a/b']
- access-key: none
  secret-key: none-secret
  buckets: []
`;
    expect(parseAccessKeys(text, "keys.yml", "root")).to.deep.equal([
      { accessKey: "all", secret: "all-secret", rights: { canWrite: true } },
      { accessKey: "reader", secret: "reader-secret", rights: { canWrite: false } },
      {
        accessKey: "part",
        secret: "part-secret",
        rights: {
          canWrite: true,
          scopes: [
            { bucket: "archive", prefix: "" },
            { bucket: "logs", prefix: "2026/" },
            { bucket: "logs", prefix: "a/b" },
          ],
        },
      },
      { accessKey: "none", secret: "none-secret", rights: { canWrite: true, scopes: [] } },
    ]);
  });

  it("reads JSON", () => {
    const text = JSON.stringify({
      keys: [{ "access-key": "one", "secret-key": "one-secret", access: "read-only" }],
    });
    expect(parseAccessKeys(text, "keys.json", "root")).to.deep.equal([
      { accessKey: "one", secret: "one-secret", rights: { canWrite: false } },
    ]);
  });

  it("takes no keys for none", () => {
    expect(parseAccessKeys("keys: []", "keys.yml", "root")).to.deep.equal([]);
  });

  for (const [what, text, fault] of [
    ["no mapping", "- a", "keys.yml:1:1: expected a mapping with 'keys', found a list"],
    ["another key", "key: []", "keys.yml:1:1: unknown key 'key'; did you mean 'keys'?"],
    ["no list", "keys: x", "keys.yml:1:7: keys: expected a list, found a single value"],
    ["no secret", "keys:\n- access-key: one", "keys.yml:2:3: keys[0].secret-key: is missing"],
    [
      "a short secret",
      "keys:\n- access-key: one\n  secret-key: short",
      "keys.yml:3:15: keys[0].secret-key: has at least 8 characters",
    ],
    [
      "a name twice",
      `${key("")}- access-key: one\n  secret-key: b-secret`,
      "keys.yml:4:15: keys[1].access-key: 'one' is there already",
    ],
    [
      "the root's name",
      "keys:\n- access-key: root\n  secret-key: a-secret",
      "keys.yml:2:15: keys[0].access-key: 'root' is there already",
    ],
    [
      "an unknown member",
      key("  acess: read-only"),
      "keys.yml:4:3: keys[0]: unknown key 'acess'; did you mean 'access'?",
    ],
    [
      "an unknown access",
      key("  access: readonly"),
      "keys.yml:4:11: keys[0].access: is 'read-write' or 'read-only'",
    ],
    [
      "a bucket that is none",
      key("  buckets: [ok-bucket, 'No/x']"),
      "keys.yml:4:24: keys[0].buckets[1]: is a bucket, or BUCKET/PREFIX",
    ],
    [
      "buckets that are no list",
      key("  buckets: archive"),
      "keys.yml:4:12: keys[0].buckets: expected a list, found a single value",
    ],
  ] as const) {
    it(`refuses ${what}, and says where`, () => {
      expect(faultsOf(text)).to.deep.equal([fault]);
    });
  }

  it("quotes no secret", () => {
    expect(faultsOf("keys:\n- access-key: x\n  secret-key: s3cr3t!\n  what: s3cr3t!").join()).not.to.contain(
      "s3cr3t!",
    );
  });
});
