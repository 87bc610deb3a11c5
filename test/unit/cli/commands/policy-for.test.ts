import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { policyCheckCommand } from "../../../../src/cli/commands/policy-check.js";
import { policyForCommand } from "../../../../src/cli/commands/policy-for.js";
import { minioFeatureNames } from "../../../../src/policy/minio.js";
import { captured } from "../../../support/captured-output.js";
import { selfSigned } from "../../../support/certificates.js";

const id = (digit: string): string => digit.repeat(64);

async function write(...argv: string[]) {
  return writeWith({}, ...argv);
}

async function writeWith(env: Record<string, string>, ...argv: string[]) {
  const { context, stdout, stderr } = captured({ env });
  const code = await policyForCommand.run(["minio", ...argv], context);
  return { code, out: stdout(), err: stderr() };
}

/** The patterns of a document, in order. */
async function rules(...argv: string[]): Promise<string[]> {
  const { out } = await write(...argv);
  return [...out.matchAll(/^\s*- (\/.*)$/gm)].map(([, pattern]) => pattern ?? "");
}

async function failure(...argv: string[]): Promise<string> {
  try {
    await write(...argv);
  } catch (error) {
    if (error instanceof Error) return error.message;
  }
  throw new Error("was accepted");
}

const DATA = ["/v1/key/generate/k", "/v1/key/decrypt/k"];
const USUAL = ["/v1/key/list/*", "/v1/status", "/v1/api"];

describe("cli/commands/policy for", () => {
  const table: readonly (readonly [what: string, argv: string[], patterns: string[]])[] = [
    ["today", [], [...DATA, "/v1/key/create/k", "/v1/key/describe/k", ...USUAL]],
    ["the least that runs", ["--features", "none"], DATA],
    [
      "the least of today",
      ["--features", "none", "--release", "2025-09-07"],
      [...DATA, "/v1/key/describe/k"],
    ],
    [
      "several keys",
      ["--key", "a-*,a-b", "--key", "other", "--features", "create,hmac"],
      ["generate", "decrypt", "create"]
        .flatMap((call) => ["k", "a-*", "other"].map((key) => `/v1/key/${call}/${key}`))
        .concat("/v1/key/hmac/k"),
    ],
    [
      "fast listing",
      ["--release", "RELEASE.2023-06-19T19-52-50Z"],
      [...DATA, "/v1/key/create/k", ...USUAL, "/v1/key/bulk/decrypt/k", "/v1/identity/self/describe"],
    ],
    ["before fast listing", ["--release", "2021-05-11T00-00-00Z"], [...DATA, "/v1/key/create/k", ...USUAL]],
    [
      "between fast listing and warm-up",
      ["--release", "2023-12-02"],
      [...DATA, "/v1/key/create/k", ...USUAL],
    ],
    [
      "console pages",
      ["--release", "2022-01-08", "--features", "console"],
      [...DATA, "/v1/policy/list/*", "/v1/policy/describe/*", "/v1/identity/list/*"],
    ],
    ["a feature that was not there yet", ["--release", "2021-05-11", "--features", "hmac"], DATA],
  ];
  for (const [what, argv, patterns] of table) {
    it(`minio: ${what}`, async () => expect(await rules("--key", "k", ...argv)).to.deep.equal(patterns));
  }

  it("says which feature the release does not have", async () => {
    const { err } = await write("--key", "k", "--release", "2021-05-11", "--features", "hmac");
    expect(err).to.match(/^kes: MinIO of 2021-05-11 does not have 'hmac'/);
  });

  it("takes the key from MinIO's own variable", async () => {
    const { out } = await writeWith({ MINIO_KMS_KES_KEY_NAME: "from-env" }, "--features", "none");
    expect(out).to.include("- /v1/key/generate/from-env\n");
  });

  it("writes a section with identities, those of certificates too", async () => {
    const dir = await mkdtemp(join(tmpdir(), "keswick-policy-for-"));
    try {
      const { certPem, identity } = selfSigned();
      await writeFile(join(dir, "client.crt"), certPem);
      const flags = ["--identity", id("1"), "--identity", join(dir, "client.crt"), "--name", "on"];
      const { out } = await write("--key", "k", ...flags);
      expect(out).to.include('\npolicy:\n  "on":\n    allow:\n    # ');
      expect(out).to.match(new RegExp(`    identities:\n    - "${id("1")}"\n    - "?${identity}"?\n$`));
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  });

  it("writes nothing that check would find fault with", async () => {
    const releases = ["2019-10-01", "2022-06-01", "2023-06-19", "2023-12-01", "2024-04-15", "2025-01-01"];
    const ages = [[], ...releases.map((day) => ["--release", day])];
    const features = [[], ["--features", "none"], ...minioFeatureNames.map((one) => ["--features", one])];
    const keys = [
      ["--key", "k"],
      ["--key", "*"],
      ["--key", "k", "--key", "p-*"],
      ["--key", "p-*", "--key", "p-a"],
    ];
    const holders = [[], ["--identity", id("e")], ["--identity", `1e${"5".repeat(62)}`, "--name", "true"]];
    const all = ages.flatMap((age) =>
      [...features, ["--features", minioFeatureNames.join()]].flatMap((feature) =>
        keys.map((key) => [...key, ...age, ...feature]),
      ),
    );
    // Every seventh: each part meets each other one.
    const some = all.filter((_, index) => index % 7 === 0);
    for (const [index, argv] of some.entries()) {
      const { out } = await write(...argv, ...(holders[index % holders.length] ?? []));
      const { context, stdout } = captured({ stdin: out });
      expect(await policyCheckCommand.run(["--strict", "-"], context), out).to.equal(0);
      expect(stdout(), out).to.equal("");
    }
    expect(some.length).to.be.greaterThan(30);
  }).timeout(60_000);

  const bad: readonly (readonly [argv: string[], message: RegExp])[] = [
    [[], /^no key: give MinIO's default key with '--key'$/],
    [["--key", "a.b"], /^'a\.b' is neither a key's name nor the beginning of one/],
    [["--key", "a*b"], /^'a\*b' is neither/],
    [["--key", "k", "--release", "yesterday"], /^'yesterday' is no MinIO release/],
    [["--key", "k", "--release", "2023-02-30"], /^'2023-02-30' is no MinIO release/],
    [["--key", "k", "--features", "delete"], /^unknown feature 'delete': choose of create, describe, list/],
    [["--key", "k", "--name", "n"], /^'--name' needs '--identity'/],
    [["--key", "k", "--name", "a b", "--identity", id("1")], /^'a b' is no valid name of a policy$/],
    [["--key", "k", "--identity", id("1").slice(1)], /cannot read|neither/],
  ];
  for (const [argv, message] of bad) {
    it(`refuses ${argv.join(" ") || "no key"}`, async () => expect(await failure(...argv)).to.match(message));
  }

  it("knows no other programs", async () => {
    const { context } = captured();
    const error = await policyForCommand
      .run(["vault", "--key", "k"], context)
      .catch((reason: unknown) => reason);
    expect(error)
      .to.be.an("error")
      .with.property("message")
      .that.matches(/^no policy for "vault" is known/);
  });
});
