/** The section `keystore.aws.secretsmanager`: what KES accepts, what is new, and when the AWS SDK is loaded. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect } from "chai";
import type { AwsOptions } from "../../keystores/aws-secrets-manager/config.js";
import { awsPermissions } from "../../keystores/aws-secrets-manager/permissions.js";
import { isUnencrypted, placeOf } from "../../keystores/aws-secrets-manager/place.js";
import { keystores } from "../../keystores/registry.js";
import { ConfigFolder, configText, reference } from "../support/configuration.js";

const root = resolve(import.meta.dirname, "../..");

describe("keystores/aws-secrets-manager: configuration", () => {
  let folder: ConfigFolder;
  before(async () => {
    folder = await ConfigFolder.create();
  });
  after(() => folder.remove());

  const section = (lines: string): string =>
    configText("", { keystore: `keystore:\n  aws:\n    secretsmanager:\n${lines}` });
  const load = async (lines: string): Promise<unknown> => {
    const env = { ACCESS: "AKID", SECRET: "secret" };
    const config = await folder.load(section(lines), { adapters: keystores, env });
    expect(config.keystore.kind).to.equal("aws.secretsmanager");
    return JSON.parse(JSON.stringify(config.keystore.options));
  };

  it("takes KES's sample", async () => {
    const options = await load(
      [
        "      endpoint: secretsmanager.eu-central-1.amazonaws.com",
        "      region: eu-central-1",
        "      kmskey: alias/kes-master",
        "      credentials:",
        `        accesskey: ${reference("ACCESS")}`,
        `        secretkey: ${reference("SECRET")}`,
        '        token: ""\n',
      ].join("\n"),
    );
    expect(options).to.deep.equal({
      endpoint: "secretsmanager.eu-central-1.amazonaws.com",
      region: "eu-central-1",
      kmskey: "alias/kes-master",
      credentials: { accesskey: "AKID", secretkey: "secret" },
    });
  });

  it("takes what is new, and KES's sample file with everything left empty", async () => {
    expect(
      await load(
        "      region: r\n      delete: { recovery_window: 0 }\n      tags: { service: kes }\n      status: {}\n",
      ),
    ).to.deep.equal({
      region: "r",
      delete: { recovery_window: 0 },
      tags: { service: "kes" },
      status: { probe: "_keswick_probe" },
    });
    const empty =
      'endpoint: ""\nregion: ""\nkmskey: ""\ncredentials: { accesskey: "", secretkey: "", token: "" }\n';
    expect(await load(empty.replace(/^(?=.)/gm, "      "))).to.deep.equal({ credentials: {} });
  });

  it("refuses windows that AWS does not have, and unknown options", async () => {
    const faults = await folder.faults(section("      delete: { recovery_window: 3 }\n      kmskeyy: x\n"), {
      adapters: keystores,
    });
    expect(faults.join("\n")).to.match(/delete\.recovery_window: must be one of: 0, 7, 8, .* 30/);
    expect(faults.join("\n")).to.match(/unknown key 'kmskeyy'; did you mean 'kmskey'/);
  });

  describe("the place", () => {
    const cases: readonly (readonly [
      Parameters<typeof placeOf>[0],
      ReturnType<typeof placeOf> | undefined,
    ])[] = [
      [{}, {}],
      [{ region: "r" }, { region: "r" }],
      [
        { endpoint: "secretsmanager.eu-central-1.amazonaws.com" },
        { endpoint: "https://secretsmanager.eu-central-1.amazonaws.com", region: "eu-central-1" },
      ],
      [
        { endpoint: "https://secretsmanager-fips.us-gov-west-1.amazonaws.com/" },
        { endpoint: "https://secretsmanager-fips.us-gov-west-1.amazonaws.com", region: "us-gov-west-1" },
      ],
      [
        { endpoint: "vpce-1a-2b.secretsmanager.us-east-1.vpce.amazonaws.com" },
        {
          endpoint: "https://vpce-1a-2b.secretsmanager.us-east-1.vpce.amazonaws.com",
          region: "us-east-1",
        },
      ],
      [
        { endpoint: "secretsmanager.cn-north-1.amazonaws.com.cn", region: "other" },
        { endpoint: "https://secretsmanager.cn-north-1.amazonaws.com.cn", region: "other" },
      ],
      [{ endpoint: "localhost:4566" }, { endpoint: "https://localhost:4566" }],
      [
        { endpoint: "http://127.0.0.1:5000", region: "r" },
        { endpoint: "http://127.0.0.1:5000", region: "r" },
      ],
      [
        { endpoint: "secretsmanager.eu-central-1.amazonaws.com.example.net" },
        { endpoint: "https://secretsmanager.eu-central-1.amazonaws.com.example.net" },
      ],
      [{ endpoint: "ftp://example.com" }, undefined],
      [{ endpoint: "https://user:pw@example.com" }, undefined],
      [{ endpoint: "https://example.com/?a=b" }, undefined],
      [{ endpoint: "not a host" }, undefined],
    ];
    for (const [given, expected] of cases) {
      it(`${JSON.stringify(given)} ${expected === undefined ? "is refused" : "is understood"}`, () => {
        if (expected === undefined) expect(() => placeOf(given)).to.throw("'endpoint' must be");
        else expect(placeOf(given)).to.deep.equal(expected);
      });
    }

    it("is told when keys would travel unencrypted", () => {
      for (const [endpoint, open] of [
        ["http://example.com", true],
        ["http://127.0.0.1:5000", false],
        ["http://localhost", false],
        ["https://example.com", false],
      ] as const)
        expect(isUnencrypted({ endpoint }), endpoint).to.equal(open);
      expect(isUnencrypted({})).to.equal(false);
    });
  });

  describe("the least policy", () => {
    const actionsOf = (options: AwsOptions): string[] =>
      [
        ...awsPermissions(options).policy.matchAll(
          /"(?:secretsmanager:|kms:(?!ViaService|ResourceAliases))(\w+)"/g,
        ),
      ].map(([, name = ""]) => name);

    it("is the one in the README, for the configuration there", () => {
      const readme = readFileSync(join(root, "keystores/aws-secrets-manager/README.md"), "utf8");
      const [, shown = ""] = /```json\n(.*?)```/s.exec(readme) ?? [];
      const { policy } = awsPermissions({
        region: "eu-central-1",
        kmskey: "alias/kes",
        tags: { service: "kes" },
      });
      expect(JSON.parse(policy)).to.deep.equal(JSON.parse(shown));
    });

    it("asks for no more than is needed", () => {
      const least = ["CreateSecret", "GetSecretValue", "DeleteSecret", "ListSecretVersionIds", "ListSecrets"];
      expect(actionsOf({})).to.deep.equal(least);
      expect(actionsOf({ tags: {} })).to.deep.equal(least);
      expect(actionsOf({ kmskey: "1234" })).to.deep.equal([...least, "Decrypt", "GenerateDataKey"]);
    });

    it("names the KMS key by whatever it is called, in the region's partition", () => {
      const arn = "arn:aws:kms:eu-central-1:123456789012:key/1234";
      for (const [kmskey, region, resource] of [
        ["1234", "cn-north-1", "arn:aws-cn:kms:cn-north-1:*:key/1234"],
        [arn, "eu-central-1", arn],
        ["alias/kes", "us-gov-west-1", "arn:aws-us-gov:kms:us-gov-west-1:*:key/*"],
        [
          "arn:aws:kms:eu-central-1:123456789012:alias/kes",
          "eu-central-1",
          "arn:aws:kms:eu-central-1:*:key/*",
        ],
      ] as const)
        expect(JSON.parse(awsPermissions({ region, kmskey }).policy).Statement[2].Resource).to.equal(
          resource,
        );
    });
  });

  describe("what is loaded", function () {
    this.timeout(60_000);

    /** Packages of which a program loads a file: V8's coverage names every script it ran. */
    function packagesOf(program: string): string[] {
      const scratch = mkdtempSync(join(tmpdir(), "keswick-loaded-"));
      try {
        const file = join(scratch, "main.mts");
        writeFileSync(file, program);
        const { status, stderr } = spawnSync(process.execPath, ["--import", "tsx", file], {
          cwd: root,
          env: { PATH: process.env.PATH, NODE_V8_COVERAGE: join(scratch, "coverage"), SCRATCH: scratch },
          timeout: 30_000,
        });
        expect(status, String(stderr)).to.equal(0);
        const texts = readdirSync(join(scratch, "coverage")).map((name) =>
          readFileSync(join(scratch, "coverage", name), "utf8"),
        );
        const found = texts.flatMap((text) =>
          [...text.matchAll(/"url":"file:\/\/[^"]*\/node_modules\/((?:@[^/"]+\/)?[^/"]+)/g)].map(
            ([, name = ""]) => name,
          ),
        );
        return [...new Set(found)];
      } finally {
        rmSync(scratch, { recursive: true, force: true });
      }
    }

    const registry = JSON.stringify(join(root, "keystores/registry.ts"));
    const open = (kind: string, options: string): string =>
      `const { keystores } = await import(${registry});\n` +
      "const { adapter: _ } = await keystores['aws.secretsmanager']();\n" +
      `const { adapter } = await keystores[${JSON.stringify(kind)}]();\n` +
      `const store = await adapter.open(${options}, { warn: () => {} });\nawait store.close();\n`;

    it("is no part of the AWS SDK for a folder of keys, not even when the table of keystores names AWS", () => {
      const names = packagesOf(open("fs", "{ path: process.env.SCRATCH + '/keys' }"));
      expect(names.filter((name) => /^@(?:aws|smithy)|^undici$/.test(name))).to.deep.equal([]);
    });

    it("is the AWS SDK once that keystore is opened, so the measure sees what is loaded", () => {
      const credentials = "{ accesskey: 'a', secretkey: 's' }";
      const names = packagesOf(
        open("aws.secretsmanager", `{ region: 'eu-central-1', credentials: ${credentials} }`),
      );
      expect(names).to.include.members(["@aws-sdk/client-secrets-manager", "undici"]);
    });
  });
});
