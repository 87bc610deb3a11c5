import { expect } from "chai";
import { ConfigError } from "../../../../src/errors.js";
import { AccessKeys, accessKeyFault, secretFault } from "../../../../src/storage/server/access-keys.js";
import { readServerSettings } from "../../../../src/storage/server/settings.js";

const files: Readonly<Record<string, string>> = {
  "/secrets/user": "file-user\n",
  "/secrets/password": "file-password\n",
  "/run/secrets/password": "mounted-password",
};
const read = async (path: string): Promise<string | undefined> => files[path];
const root = { MINIO_ROOT_USER: "admin", MINIO_ROOT_PASSWORD: "a-long-secret" };

async function faultsOf(environment: Record<string, string>): Promise<string[]> {
  try {
    await readServerSettings(environment, read);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.map(({ path, message }) => `${path} ${message}`);
    throw error;
  }
  return [];
}

describe("storage/server settings", () => {
  for (const [what, environment, accessKey, secret] of [
    ["of today", root, "admin", "a-long-secret"],
    ["of before", { MINIO_ACCESS_KEY: "old", MINIO_SECRET_KEY: "old-secret-key" }, "old", "old-secret-key"],
    ["of the fork", { S3_ROOT_USER: "fork", S3_ROOT_PASSWORD: "fork-secret" }, "fork", "fork-secret"],
    [
      "of both, where today's count",
      { ...root, MINIO_ACCESS_KEY: "old", MINIO_SECRET_KEY: "x" },
      "admin",
      "a-long-secret",
    ],
    [
      "from files",
      { MINIO_ROOT_USER_FILE: "/secrets/user", MINIO_ROOT_PASSWORD_FILE: "/secrets/password" },
      "file-user",
      "file-password",
    ],
    [
      "from a mounted file",
      { MINIO_ROOT_USER: "admin", MINIO_ROOT_PASSWORD_FILE: "password" },
      "admin",
      "mounted-password",
    ],
    ["beside empty ones", { ...root, MINIO_ROOT_PASSWORD_FILE: "" }, "admin", "a-long-secret"],
  ] as const) {
    it(`reads the root's names ${what}`, async () => {
      const settings = await readServerSettings(environment, read);
      expect(settings.root).to.deep.equal({ accessKey, secret });
      expect(settings.domains).to.deep.equal([]);
      expect(settings.publicMetrics).to.equal(false);
    });
  }

  it("reads region, domains and who may see metrics", async () => {
    const settings = await readServerSettings(
      {
        ...root,
        MINIO_SITE_REGION: "eu-north-1",
        MINIO_REGION: "other",
        MINIO_DOMAIN: "S3.Example.net, localhost",
        MINIO_PROMETHEUS_AUTH_TYPE: "public",
      },
      read,
    );
    expect(settings.region).to.equal("eu-north-1");
    expect(settings.domains).to.deep.equal(["s3.example.net", "localhost"]);
    expect(settings.publicMetrics).to.equal(true);
  });

  for (const [what, environment, faults] of [
    [
      "nothing",
      {},
      [
        "MINIO_ROOT_USER is missing: there are no default credentials",
        "MINIO_ROOT_PASSWORD is missing: there are no default credentials",
      ],
    ],
    [
      "a short password",
      { ...root, MINIO_ROOT_PASSWORD: "1234567" },
      ["MINIO_ROOT_PASSWORD has at least 8 characters"],
    ],
    [
      "the password that everybody knows",
      { MINIO_ROOT_USER: "minioadmin", MINIO_ROOT_PASSWORD: "minioadmin" },
      ["MINIO_ROOT_PASSWORD must not be one that everybody knows"],
    ],
    ["a short user", { ...root, MINIO_ROOT_USER: "ab" }, ["MINIO_ROOT_USER has 3 to 128 characters"]],
    [
      "a user with an equals sign",
      { ...root, MINIO_ROOT_USER: "a=bc" },
      ["MINIO_ROOT_USER is made of visible ASCII characters, without ',' and '='"],
    ],
    [
      "a value and a file",
      { ...root, MINIO_ROOT_USER_FILE: "/secrets/user" },
      ["MINIO_ROOT_USER and MINIO_ROOT_USER_FILE cannot be used together"],
    ],
    [
      "a file that is not there",
      { MINIO_ROOT_USER: "admin", MINIO_ROOT_PASSWORD_FILE: "/none" },
      ["MINIO_ROOT_PASSWORD_FILE there is no file '/none'"],
    ],
    [
      "a region that is none",
      { ...root, MINIO_REGION: "eu north" },
      ["MINIO_REGION is not a region: letters, digits and '-'"],
    ],
    [
      "a domain that is none",
      { ...root, MINIO_DOMAIN: "a_b" },
      ["MINIO_DOMAIN 'a_b' is not the name of a domain"],
    ],
    [
      "an unknown way to protect metrics",
      { ...root, MINIO_PROMETHEUS_AUTH_TYPE: "none" },
      ["MINIO_PROMETHEUS_AUTH_TYPE is 'public' or 'jwt'"],
    ],
  ] as const) {
    it(`refuses ${what}`, async () => {
      expect(await faultsOf(environment)).to.deep.equal(faults);
    });
  }

  it("never quotes a secret", async () => {
    const told = (await faultsOf({ MINIO_ROOT_USER: "x", MINIO_ROOT_PASSWORD: "short!" })).join();
    expect(told).not.to.contain("short!");
  });
});

describe("storage/server access keys", () => {
  it("finds the root's and further ones, and knows which is which", () => {
    const keys = new AccessKeys({ accessKey: "root", secret: "root-secret" }, [
      { accessKey: "other", secret: "other-secret", rights: { canWrite: false } },
    ]);
    const [found, other] = [keys.find("root"), keys.find("other")];
    expect(found && keys.isRoot(found)).to.equal(true);
    expect(other && keys.isRoot(other)).to.equal(false);
    expect(other?.rights).to.deep.equal({ canWrite: false });
    expect(keys.find("nobody")).to.equal(undefined);
    keys.replace([]);
    expect(keys.find("other")).to.equal(undefined);
    expect(keys.find("root")).to.equal(found);
  });

  it("never lets a further one stand in for the root's", () => {
    const keys = new AccessKeys({ accessKey: "root", secret: "root-secret" }, [
      { accessKey: "root", secret: "other-secret", rights: { canWrite: true } },
    ]);
    const found = keys.find("root");
    expect(found && keys.isRoot(found)).to.equal(true);
  });

  for (const [name, isGood] of [
    ["abc", true],
    ["AKIAIOSFODNN7EXAMPLE", true],
    ["a/b/c", true],
    ["ab", false],
    ["a b c", false],
    ["a,bc", false],
    ["grün", false],
    ["x".repeat(129), false],
  ] as const) {
    it(`${isGood ? "takes" : "refuses"} '${name.slice(0, 30)}' as an access key`, () => {
      expect(accessKeyFault(name) === undefined).to.equal(isGood);
    });
  }

  for (const [secret, isGood] of [
    ["12345678", true],
    ["1234567", false],
    ["minioadmin", false],
    ["x".repeat(257), false],
  ] as const) {
    it(`${isGood ? "takes" : "refuses"} a secret of ${secret.length} characters${/^[a-z]{10}$/.test(secret) ? " that everybody knows" : ""}`, () => {
      expect(secretFault(secret) === undefined).to.equal(isGood);
    });
  }
});
