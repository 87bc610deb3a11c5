/**
 * The original command line against the original server and against ours: a person or script at the terminal must
 * not notice which one answers. Needs a binary of the original, see `KESWICK_KES_BINARY`.
 */
import { expect } from "chai";
import { type Command, RunningProcess, type RunResult, run } from "../support/child-process.js";
import { CleanUp } from "../support/clean-up.js";
import { type KesServer, kesCommand, startKes } from "../support/kes-server.js";
import { type Credentials, type KesSite, makeKesSite, withOwnKeys } from "../support/kes-site.js";
import { requireService } from "../support/services/index.js";

const ZERO_KEY = Buffer.alloc(32).toString("base64");
/** Under the zero key, without context: kes-server.md 9.7, number 5. */
const ZERO_CIPHERTEXT = "zwdDgHeRlIFRnJ7+DIhs/ka7GFK2CFSfDELqg1VCyTQzZ58o7MAdupMLk3ZjlMo2ZUDwldL2o41nAWDc";
const CONTEXT_KEY = "dDHbTWgo+Yh3u804SYB5OyVMy6RiLeJYBQth1f6KlEU=";
/** Under the context key, with {@link CONTEXT}: number 6. */
const CONTEXT_CIPHERTEXT =
  "s2gmfQHeGdlyL8x1yEWSACUV3GrSoz3t160hugMgzKWgyqesXDVUJ5Dw5Mt076rR1PNiU9X4YjLH14D8a81t2r2xsz4gVZac";
const CONTEXT = "AAAAAAAAAAAAAAAAAAAAAA==";

type Who = "admin" | "client" | "stranger";

interface Row {
  readonly args: readonly string[];
  readonly as?: Who;
}

/** In this order: later rows meet the keys of earlier ones. */
const same: readonly Row[] = [
  ...rows(["key", "create", "alpha"], ["key", "create", "alpha"], ["key", "create", "not.valid"]),
  ...rows(["key", "create", "beta", "gamma"], ["key", "import", "zero", ZERO_KEY]),
  ...rows(["key", "import", "with-context", CONTEXT_KEY], ["key", "import", "short", "AAAA"]),
  ...rows(["key", "info", "alpha"], ["key", "info", "alpha", "--json"], ["key", "info", "missing"]),
  ...rows(["key", "ls"], ["key", "ls", "--json"], ["key", "ls", "al"], ["key", "ls", "nothing"], ["ls"]),
  ...rows(["ls", "--json"], ["ls", "-p"], ["ls", "-i"], ["ls", "-i", "-p"]),
  ...rows(["key", "encrypt", "alpha", "hello"], ["key", "encrypt", "missing", "hello"]),
  ...rows(["key", "decrypt", "zero", ZERO_CIPHERTEXT], ["key", "decrypt", "alpha", ZERO_CIPHERTEXT]),
  ...rows(["key", "decrypt", "with-context", CONTEXT_CIPHERTEXT, CONTEXT]),
  ...rows(["key", "decrypt", "with-context", CONTEXT_CIPHERTEXT]),
  ...rows(["key", "dek", "alpha"], ["key", "dek", "alpha", CONTEXT], ["key", "dek", "missing"]),
  ...rows(["key", "rm", "beta", "gamma"], ["key", "rm", "missing"], ["key", "ls"]),
  ...rows(["policy", "ls"], ["policy", "ls", "--json"], ["policy", "info", "minio"]),
  ...rows(["policy", "info", "missing"], ["policy", "show", "minio"], ["policy", "show", "missing"]),
  ...rows(["identity", "ls"], ["identity", "ls", "--json"], ["identity", "info"]),
  ...rows(["identity", "info", "ffff"], ["status"], ["status", "--short"], ["status", "--json"]),
  { args: ["key", "create", "delta"], as: "client" },
  { args: ["key", "dek", "delta"], as: "client" },
  { args: ["key", "dek", "forbidden"], as: "client" },
  { args: ["key", "rm", "delta"], as: "client" },
  { args: ["key", "ls"], as: "stranger" },
  { args: ["status"], as: "stranger" },
];

interface Difference extends Row {
  /** Row of kes-server.md section 16 that ours mends. */
  readonly defect: number;
  readonly original: RegExp;
  readonly ours: RegExp;
}

/** Where ours answers otherwise on purpose. */
const different: readonly Difference[] = [
  { defect: 7, args: ["key", "ls", "al*"], original: /^$/, ours: /alpha/ },
  {
    ...{ defect: 5, args: ["identity", "info"], as: "client" },
    original: /identity does not exist/,
    ours: /minio/,
  },
];

describe("interop: the original command line against both servers", function () {
  this.timeout(30_000);

  const cleanUp = new CleanUp();
  let kes: Command;
  let site: KesSite;
  let original: KesServer;
  let ours: KesServer;

  before(async function () {
    kes = kesCommand(this, "original");
    site = await makeKesSite(requireService(this, "openssl"));
    cleanUp.add(() => site.remove());
    original = await startKes(kes, site);
    cleanUp.add(() => original.process.stop());
    ours = await startKes(kesCommand(this, "ours"), await withOwnKeys(site, "ours"));
    cleanUp.add(() => ours.process.stop());
  });

  after(() => cleanUp.run());

  function environment(server: KesServer, who: Who): Record<string, string> {
    const { keyFile, certFile }: Credentials = site[who];
    return {
      HOME: site.folder,
      KES_SERVER: server.endpoint,
      KES_CLIENT_KEY: keyFile,
      KES_CLIENT_CERT: certFile,
    };
  }

  function cli(server: KesServer, { args, as = "admin" }: Row): Promise<RunResult> {
    return run([...kes, ...args, "-k"], { env: environment(server, as) });
  }

  for (const row of same) {
    it(`answers alike: ${title(row)}`, async () => {
      const theirs = normal(row, await cli(original, row));
      expect(normal(row, await cli(ours, row))).to.deep.equal(theirs);
    });
  }

  for (const row of different) {
    it(`mends defect ${row.defect}: ${title(row)}`, async () => {
      const theirs = await cli(original, row);
      const mended = await cli(ours, row);
      expect(theirs.stdout + theirs.stderr).to.match(row.original);
      expect(mended.code, mended.stderr).to.equal(0);
      expect(mended.stdout).to.match(row.ours);
    });
  }

  it("prints every route of the original's API table", async () => {
    const paths = (text: string): string[] => (text.match(/\/v(ersion|1\/)\S*/g) ?? []).sort();
    const theirs = paths((await cli(original, { args: ["status", "--api"] })).stdout);
    expect(theirs).to.not.be.empty;
    expect(paths((await cli(ours, { args: ["status", "--api"] })).stdout)).to.include.members(theirs);
  });

  it("reads the same metrics", async () => {
    const theirs = await firstLine(original, ["metric", "--rate", "1s"]);
    expect(Object.keys(await firstLine(ours, ["metric", "--rate", "1s"]))).to.have.members(
      Object.keys(theirs),
    );
  });

  it("receives the audit log, which the original never delivers (defect 3)", async () => {
    const event = await firstLine(ours, ["log", "--audit", "--json"]);
    expect(event).to.have.nested.property("request.path").that.is.a("string");
    expect(event).to.have.nested.property("response.code").that.is.a("number");
  });

  /** The first JSON line of a command that runs until it is ended. Requests go on meanwhile, so there is something to tell. */
  async function firstLine(server: KesServer, args: readonly string[]): Promise<object> {
    const running = await RunningProcess.start(
      [...kes, ...args, "-k"],
      async ({ output }) => {
        await cli(server, { args: ["key", "info", "alpha"] });
        return output.includes("\n");
      },
      { env: environment(server, "admin") },
    );
    const output = running.output;
    await running.stop();
    return JSON.parse(output.slice(0, output.indexOf("\n")));
  }
});

function rows(...lists: readonly (readonly string[])[]): Row[] {
  return lists.map((args) => ({ args }));
}

function title({ args, as }: Row): string {
  return `kes ${args.map((arg) => arg.slice(0, 20)).join(" ")}${as === undefined ? "" : ` (as ${as})`}`;
}

/** Takes out what two servers cannot have in common: times, random bytes, addresses, versions, loads. */
function normal({ args }: Row, { code, stdout, stderr }: RunResult): RunResult {
  // What a decryption yields is no random value: it stays.
  const random = args[1] === "dek" ? "ciphertext|plaintext" : "ciphertext";
  const clean = (text: string): string =>
    text
      .replaceAll(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| ?[+-]\d\d:?\d\d)?/g, "<time>")
      .replaceAll(new RegExp(`\\b(${random})("?: *)\\S+`, "g"), "$1$2<bytes>")
      .replaceAll(/127\.0\.0\.1:\d+/g, "<server>")
      .replaceAll(/"(version|uptime|mem_\w+|keystore_latency)":("[^"]*"|\d+)/g, '"$1":<n>')
      .replaceAll(/^( *(?:Version|Uptime|Latency|Memory|Heap|Stack)\b *).*$/gm, "$1<n>");
  return { code, stdout: clean(stdout), stderr: clean(stderr) };
}
