import { expect } from "chai";
import { ConfigError } from "../../../../src/errors.js";
import { parseEnvironmentFile, withEnvironmentFile } from "../../../../src/storage/keys/environment-file.js";
import { readKeySettings } from "../../../../src/storage/keys/settings.js";
import type { Environment } from "../../../../src/storage/keys/variables.js";

const key = Buffer.alloc(32, 7);
const base64 = key.toString("base64");
const files: Readonly<Record<string, string>> = {
  "/etc/key": `my-key:${base64}\n`,
  "/run/secrets/kms-key": `my-key:${base64}`,
  "/etc/env": `# comment\nexport MINIO_KMS_SECRET_KEY="my-key:${base64}"\n\nMINIO_KMS_AUTO_ENCRYPTION='on'\r\n`,
  "/etc/bad": `MINIO_KMS_SECRET_KEY=x\nthis is secret\n`,
};
const readText = async (path: string): Promise<string | undefined> => files[path];
const read = (environment: Environment) => readKeySettings(environment, readText);

const kes = {
  MINIO_KMS_KES_ENDPOINT: "https://kes{1...2}:7373, https://other:7373",
  MINIO_KMS_KES_KEY_NAME: "my-key",
  MINIO_KMS_KES_API_KEY: "kes:v1:x",
};
const certificate = {
  MINIO_KMS_KES_ENDPOINT: "https://kes:7373",
  MINIO_KMS_KES_KEY_NAME: "my-key",
  MINIO_KMS_KES_CERT_FILE: "client.crt",
  MINIO_KMS_KES_KEY_FILE: "client.key",
};
const vault = {
  MINIO_SSE_VAULT_ENDPOINT: "https://vault:8200",
  MINIO_SSE_VAULT_APPROLE_ID: "role",
  MINIO_SSE_VAULT_APPROLE_SECRET: "secret-id",
  MINIO_SSE_VAULT_KEY_NAME: "my-key",
};
const secret = { MINIO_KMS_SECRET_KEY: `my-key:${base64}` };
const master = { MINIO_SSE_MASTER_KEY: `my-key:${key.toString("hex")}` };
const renamed = (environment: object, from: string, to: string): Environment =>
  Object.fromEntries(Object.entries(environment).map(([name, value]) => [name.replace(from, to), value]));

describe("key settings", () => {
  const found: readonly [string, Environment, object | undefined][] = [
    ["none", {}, undefined],
    [
      "a key server by API key, at three endpoints",
      kes,
      {
        kind: "kes",
        endpoints: ["https://kes1:7373", "https://kes2:7373", "https://other:7373"],
        keyName: "my-key",
        credentials: { apiKey: "kes:v1:x" },
      },
    ],
    [
      "a key server by certificate, with password and authorities",
      { ...certificate, MINIO_KMS_KES_KEY_PASSWORD: "p", MINIO_KMS_KES_CAPATH: "/ca" },
      {
        kind: "kes",
        endpoints: ["https://kes:7373"],
        keyName: "my-key",
        credentials: { certificateFile: "client.crt", keyFile: "client.key", password: "p" },
        caPath: "/ca",
      },
    ],
    [
      "the same in a fork's names",
      renamed(certificate, "MINIO_", "S3_"),
      {
        kind: "kes",
        endpoints: ["https://kes:7373"],
        keyName: "my-key",
        credentials: { certificateFile: "client.crt", keyFile: "client.key" },
      },
    ],
    [
      "the older spelling of the authorities",
      { ...kes, MINIO_KMS_KES_ENDPOINT: "https://kes", MINIO_KMS_KES_CA_PATH: "/ca" },
      {
        kind: "kes",
        endpoints: ["https://kes"],
        keyName: "my-key",
        credentials: { apiKey: "kes:v1:x" },
        caPath: "/ca",
      },
    ],
    ["a static key", secret, { kind: "static-key", keyName: "my-key", key }],
    [
      "a static key in a file",
      { MINIO_KMS_SECRET_KEY_FILE: "/etc/key" },
      { kind: "static-key", keyName: "my-key", key },
    ],
    [
      "a static key among a container's secrets",
      { MINIO_KMS_SECRET_KEY_FILE: "kms-key" },
      { kind: "static-key", keyName: "my-key", key },
    ],
    ["an empty static key", { MINIO_KMS_SECRET_KEY: "", MINIO_KMS_SECRET_KEY_FILE: "" }, undefined],
    ["a static key in a file that is not there", { MINIO_KMS_SECRET_KEY_FILE: "kms_key" }, undefined],
    ["a master key", master, { kind: "master-key", keyName: "my-key", key }],
    [
      "a master key by its other name",
      renamed(master, "SSE", "KMS"),
      { kind: "master-key", keyName: "my-key", key },
    ],
    [
      "Vault",
      {
        ...vault,
        MINIO_SSE_VAULT_AUTH_TYPE: "approle",
        MINIO_SSE_VAULT_KEY_VERSION: "0",
        MINIO_SSE_VAULT_CAPATH: "/ca",
      },
      {
        kind: "vault",
        endpoint: "https://vault:8200",
        keyName: "my-key",
        roleId: "role",
        secretId: "secret-id",
        caPath: "/ca",
      },
    ],
    [
      "Vault in both spellings, of which the older wins",
      {
        ...vault,
        ...renamed(vault, "SSE", "KMS"),
        MINIO_KMS_VAULT_KEY_NAME: "x",
        MINIO_KMS_VAULT_NAMESPACE: "ns",
      },
      {
        kind: "vault",
        endpoint: "https://vault:8200",
        keyName: "my-key",
        roleId: "role",
        secretId: "secret-id",
        namespace: "ns",
      },
    ],
  ];
  for (const [what, environment, keys] of found) {
    it(`name ${what}`, async () => expect((await read(environment)).keys).to.deep.equal(keys));
  }

  const wrong: readonly [string, Environment, ...RegExp[]][] = [
    [
      "a key server and a static key",
      { ...kes, ...secret },
      /MINIO_KMS_SECRET_KEY: .*MINIO_KMS_KES_ENDPOINT/,
    ],
    ["a key server and Vault", { ...kes, ...vault }, /MINIO_SSE_VAULT_ENDPOINT: .*MINIO_KMS_KES_ENDPOINT/],
    ["a master key and Vault", { ...master, ...vault }, /another kind/],
    ["a static key and a master key", { ...secret, ...master }, /another kind/],
    ["MinKMS", { MINIO_KMS_SERVER: "x" }, /MINIO_KMS_SERVER: .*not supported/],
    ["MinKMS, empty", { MINIO_KMS_ENCLAVE: "" }, /MINIO_KMS_ENCLAVE/],
    ["MinKMS and a key server", { ...kes, MINIO_KMS_API_KEY: "k1:x" }, /not supported/, /another kind/],
    [
      "a static key in variable and file",
      { ...secret, MINIO_KMS_SECRET_KEY_FILE: "/etc/key" },
      /cannot be used together/,
    ],
    ["no endpoint", { ...kes, MINIO_KMS_KES_ENDPOINT: undefined }, /MINIO_KMS_KES_ENDPOINT: is missing/],
    ["an empty endpoint", { ...kes, MINIO_KMS_KES_ENDPOINT: "" }, /MINIO_KMS_KES_ENDPOINT: is missing/],
    ["an endpoint of nothing", { ...kes, MINIO_KMS_KES_ENDPOINT: " , " }, /no address/],
    ["a range of nothing", { ...kes, MINIO_KMS_KES_ENDPOINT: "https://kes{4...1}" }, /range/],
    ["no key name", { ...kes, MINIO_KMS_KES_KEY_NAME: undefined }, /MINIO_KMS_KES_KEY_NAME: is missing/],
    [
      "authorities alone",
      { MINIO_KMS_KES_CAPATH: "" },
      /ENDPOINT: is missing/,
      /KEY_NAME: is missing/,
      /API_KEY: is missing/,
    ],
    ["API key and key file", { ...kes, MINIO_KMS_KES_KEY_FILE: "" }, /API_KEY: and MINIO_KMS_KES_KEY_FILE/],
    [
      "API key and certificate",
      { ...kes, MINIO_KMS_KES_CERT_FILE: "c" },
      /API_KEY: and MINIO_KMS_KES_CERT_FILE/,
    ],
    [
      "API key and password",
      { ...kes, MINIO_KMS_KES_KEY_PASSWORD: "p" },
      /API_KEY: and MINIO_KMS_KES_KEY_PASSWORD/,
    ],
    ["an empty API key", { ...kes, MINIO_KMS_KES_API_KEY: "" }, /API_KEY: is missing/],
    [
      "a certificate without key",
      { ...certificate, MINIO_KMS_KES_KEY_FILE: undefined },
      /KEY_FILE: is missing/,
    ],
    ["a key without certificate", { ...certificate, MINIO_KMS_KES_CERT_FILE: "" }, /CERT_FILE: is missing/],
    [
      "a password alone",
      { ...kes, MINIO_KMS_KES_API_KEY: undefined, MINIO_KMS_KES_KEY_PASSWORD: "p" },
      /API_KEY: is missing, and so are/,
    ],
    [
      "two spellings that differ",
      { ...kes, S3_KMS_KES_KEY_NAME: "other" },
      /KEY_NAME: differs from S3_KMS_KES_KEY_NAME/,
    ],
    ["a static key without name", { MINIO_KMS_SECRET_KEY: base64 }, /<name>:<base64 of 32 bytes>/],
    ["a static key with an empty name", { MINIO_KMS_SECRET_KEY: `:${base64}` }, /<name>/],
    [
      "a static key of 31 bytes",
      { MINIO_KMS_SECRET_KEY: `k:${Buffer.alloc(31).toString("base64")}` },
      /32 bytes/,
    ],
    ["a static key in hex", { MINIO_KMS_SECRET_KEY: `k:${key.toString("hex")}` }, /base64/],
    ["a master key in base64", { MINIO_SSE_MASTER_KEY: `k:${base64}` }, /64 hex digits/],
    ["a master key of 63 digits", { MINIO_SSE_MASTER_KEY: `k:${"0".repeat(63)}` }, /64 hex digits/],
    ["Vault without role", { ...vault, MINIO_SSE_VAULT_APPROLE_ID: "" }, /APPROLE_ID: is missing/],
    [
      "Vault without secret",
      { ...vault, MINIO_SSE_VAULT_APPROLE_SECRET: undefined },
      /APPROLE_SECRET: is missing/,
    ],
    ["Vault without key name", { ...vault, MINIO_SSE_VAULT_KEY_NAME: undefined }, /KEY_NAME: is missing/],
    ["Vault by token", { ...vault, MINIO_SSE_VAULT_AUTH_TYPE: "token" }, /AUTH_TYPE: must be 'approle'/],
    ["Vault's negative key version", { ...vault, MINIO_SSE_VAULT_KEY_VERSION: "-1" }, /KEY_VERSION/],
    ["Vault over plain HTTP", { ...vault, MINIO_SSE_VAULT_ENDPOINT: "http://vault:8200" }, /https:/],
    [
      "Vault with a password in its address",
      { ...vault, MINIO_SSE_VAULT_ENDPOINT: "https://u:p@vault" },
      /https:/,
    ],
    ["auto-encryption without keys", { MINIO_KMS_AUTO_ENCRYPTION: "on" }, /AUTO_ENCRYPTION: is on, but/],
    ["a gateway's encryption without keys", { MINIO_GATEWAY_SSE: "S3" }, /GATEWAY_SSE: is set, but/],
    ["a gateway's encryption of an unknown kind", { ...secret, MINIO_GATEWAY_SSE: "S3;KMS" }, /takes S3, C/],
  ];
  for (const [what, environment, ...patterns] of wrong) {
    it(`refuse ${what}`, async () => {
      const error = await read(environment).catch((thrown: unknown) => thrown);
      if (!(error instanceof ConfigError)) throw new Error(`was not refused: ${error}`);
      for (const pattern of patterns) expect(error.message).to.match(pattern);
      for (const fault of error.faults) {
        expect(fault.file).to.equal("environment");
        expect(Object.keys(environment).concat(Object.keys(kes), Object.keys(certificate))).to.include(
          fault.path,
        );
      }
      expect(error.message).not.to.match(new RegExp(`${base64.slice(0, 8)}|secret-id|kes:v1|0707`));
    });
  }

  it("switch auto-encryption on by either name, the older first, and off by anything odd", async () => {
    const rows: readonly [Environment, boolean, notes: number][] = [
      [{}, false, 0],
      [{ MINIO_KMS_AUTO_ENCRYPTION: "on" }, true, 0],
      [{ MINIO_KMS_AUTO_ENCRYPTION: "ON" }, true, 0],
      [{ S3_KMS_AUTO_ENCRYPTION: "true" }, true, 0],
      [{ MINIO_KMS_AUTO_ENCRYPTION: "off" }, false, 0],
      [{ MINIO_KMS_AUTO_ENCRYPTION: "" }, false, 0],
      [{ MINIO_KMS_AUTO_ENCRYPTION: "yes please" }, false, 1],
      [{ MINIO_KMS_AUTO_ENCRYPTION: "on", MINIO_SSE_AUTO_ENCRYPTION: "off" }, false, 0],
      [{ MINIO_KMS_AUTO_ENCRYPTION: "off", MINIO_SSE_AUTO_ENCRYPTION: "on" }, true, 0],
    ];
    for (const [environment, isOn, notes] of rows) {
      const settings = await read({ ...secret, ...environment });
      expect(settings.autoEncryption, JSON.stringify(environment)).to.equal(isOn);
      expect(settings.notes).to.have.length(notes);
    }
  });

  it("tell a gateway which kinds to ask of its back end", async () => {
    for (const [text, kinds] of [
      ["S3", ["SSE-S3"]],
      ["c", ["SSE-C"]],
      ["s3;C", ["SSE-C", "SSE-S3"]],
      ["", []],
    ] as const) {
      const { gatewaySse } = await read({ ...secret, MINIO_GATEWAY_SSE: text });
      expect([...gatewaySse].sort()).to.deep.equal(kinds);
    }
  });

  it("note what they pass over", async () => {
    const missing = await read({ MINIO_KMS_SECRET_KEY_FILE: "kms_key" });
    expect(missing.notes.join()).to.include("MINIO_KMS_SECRET_KEY_FILE");
    const enclave = await read({ ...kes, MINIO_KMS_KES_ENCLAVE: "x" });
    expect(enclave.notes.join()).to.include("MINIO_KMS_KES_ENCLAVE");
    expect(enclave.keys).to.have.property("kind", "kes");
  });
});

describe("a file of variables", () => {
  it("wins over the environment, with quotes, comments and exports", async () => {
    const environment = { MINIO_CONFIG_ENV_FILE: "/etc/env", MINIO_KMS_AUTO_ENCRYPTION: "off", HOME: "/h" };
    const settings = await read(await withEnvironmentFile(environment, readText));
    expect(settings.autoEncryption).to.equal(true);
    expect(settings.keys).to.have.property("kind", "static-key");
    expect((await withEnvironmentFile(environment, readText)).HOME).to.equal("/h");
    expect(await withEnvironmentFile({ HOME: "/h" }, readText)).to.deep.equal({ HOME: "/h" });
  });

  it("takes values as they are, but for quotes around them", () => {
    const text = `A=b=c\nexport  B=" d "\nC='e\nD=\nE="\n F=#g `;
    expect(parseEnvironmentFile(text, "f")).to.deep.equal({
      A: "b=c",
      B: " d ",
      C: "'e",
      D: "",
      E: '"',
      F: "#g",
    });
  });

  it("is refused when it is missing, or has lines of another form, which are not quoted", async () => {
    for (const [path, pattern] of [
      ["/etc/none", /MINIO_CONFIG_ENV_FILE: there is no file/],
      ["/etc/bad", /^\/etc\/bad:2: /],
    ] as const) {
      const error = await withEnvironmentFile({ MINIO_CONFIG_ENV_FILE: path }, readText).catch(
        (e: unknown) => e,
      );
      if (!(error instanceof ConfigError)) throw new Error("was not refused");
      expect(error.message).to.match(pattern);
      expect(error.message).not.to.include("secret");
    }
  });
});
