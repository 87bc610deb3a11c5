import { expect } from "chai";
import { commands } from "../../../../src/cli/commands.js";
import { run } from "../../../../src/cli/run.js";
import { captured } from "../../../support/captured-output.js";

async function refusal(argv: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const { context, stderr, stdout } = captured({ env });
  expect(await run(["migrate", ...argv], commands, context)).to.equal(1);
  expect(stdout()).to.equal("");
  return stderr();
}

describe("cli/commands/migrate", () => {
  const FROM = ["--from", "a.yml"];
  const BOTH = [...FROM, "--to", "b.yml"];
  const KMS = ["-s", "kms:7373", "-e", "enclave", "-a", "k1:abc"];

  /** Texts of KES (KES reference §14.3). */
  const table: readonly (readonly [argv: string[], text: string])[] = [
    [[], "no source specified. Use '--from' flag"],
    [["--to", "b.yml"], "no source specified. Use '--from' flag"],
    [FROM, "missing migration target. Use '--to' or '--server'"],
    [[...FROM, "-s", "kms:7373"], "no KMS enclave specified. Use '--enclave'"],
    [[...FROM, "-s", "kms:7373", "-e", "e"], "no KMS API key specified. Use '--api-key'"],
    [[...BOTH, "--force", "--merge"], "'--force' and '--merge' flags are mutually exclusive"],
    [[...BOTH, "-f", "--merge"], "'--force' and '--merge' flags are mutually exclusive"],
    [[...BOTH, "-s", "x"], "cannot use '-s / --server' and '--to' flag"],
    [[...BOTH, "-e", "x"], "cannot use '-e / --enclave' and '--to' flag"],
    [[...BOTH, "-a", "x"], "cannot use '-a / --api-key' and '--to' flag"],
    [[...BOTH, "-k"], "cannot use '-k / --insecure' and '--to' flag"],
    [[...BOTH, "--dry-run", "--verify-only"], "'--dry-run' and '--verify-only' flags are mutually exclusive"],
    [[...BOTH, "--old-values", "x"], "'--old-values' flag is of no use without '--force'"],
    [[...BOTH, "--parallel", "0"], 'invalid argument "0" for "--parallel" flag: not a number above 0'],
    [[...BOTH, "--parallel", "65"], 'invalid argument "65" for "--parallel" flag: more than 64'],
    [[...BOTH, "["], "pattern \"[\" has a '[' without its ']'"],
    [[...BOTH, "a", "b"], "too many arguments. See 'kes migrate --help'"],
  ];
  for (const [argv, text] of table) {
    it(`refuses ${argv.join(" ") || "nothing"}`, async () => {
      expect(await refusal(argv)).to.equal(`Error: ${text}\n`);
    });
  }

  it("refuses MinIO's own KMS, and says what else there is", async () => {
    const env = { MINIO_KMS_SERVER: "kms:7373", MINIO_KMS_ENCLAVE: "e", MINIO_KMS_API_KEY: "k1:abc" };
    for (const text of [await refusal([...FROM, ...KMS, "-k"]), await refusal(FROM, env)]) {
      expect(text).to.match(
        /^Error: keys cannot be uploaded to MinIO's own KMS.*\nkes: .*--to\nkes: .*--from/,
      );
      expect(text).not.to.include("abc");
    }
  });

  it("names the configuration that cannot be read", async () => {
    expect(await refusal(["--from", "/nowhere/a.yml", "--to", "/nowhere/b.yml"])).to.equal(
      "Error: /nowhere/a.yml: cannot read the configuration: no such file\n",
    );
  });
});
