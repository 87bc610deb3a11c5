import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect } from "chai";
import { policyCheckCommand } from "../../../../src/cli/commands/policy-check.js";
import { makeFolder } from "../../../../src/cli/init/folder.js";
import { layoutOf } from "../../../../src/cli/init/layout.js";
import { captured } from "../../../support/captured-output.js";
import { selfSigned } from "../../../support/certificates.js";
import { reference } from "../../../support/configuration.js";

const root = resolve(import.meta.dirname, "../../../..");
const DAY_MS = 86_400_000;
const id = (digit: string): string => digit.repeat(64);

interface Found {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly severity: string;
  readonly rule: string;
  readonly message: string;
}

describe("cli/commands/policy check", () => {
  let dir: string;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), "keswick-policy-check-"));
  });
  after(() => rm(dir, { recursive: true, force: true }));

  async function check(
    argv: readonly string[],
    options: { cwd?: string; stdin?: string; isTTY?: boolean; env?: Record<string, string> } = {},
  ) {
    const { context, stdout, stderr } = captured({ cwd: dir, ...options });
    const code = await policyCheckCommand.run(argv, context);
    return { code, out: stdout(), err: stderr() };
  }

  async function found(file: string): Promise<readonly Found[]> {
    return JSON.parse((await check(["--json", file])).out);
  }

  const certificate = async (name: string, days: number): Promise<void> => {
    const end = new Date(Date.now() + days * DAY_MS);
    const { certPem } = selfSigned({ notBefore: new Date(Date.now() - 400 * DAY_MS), notAfter: end });
    await writeFile(join(dir, name), certPem);
  };

  it("finds each of fourteen planted mistakes, at its place, and nothing else", async () => {
    await certificate("server.crt", -3);
    await certificate("old-client.crt", -40);
    await certificate("client.crt", 9.5);
    await mkdir(join(dir, "policies"), { recursive: true });
    await writeFile(
      join(dir, "policies/reports.yml"),
      ["# Reports.", "allow:", "- /v1/key/list/*", "- /v1/key/list/reports-*", "- /v1/metrics"].join("\n"),
    );
    // Each planted mistake is followed by its rule and severity.
    const text = `
version: v1
address: 0.0.0.0:7373
admin:
  identity: ${id("a")}
tls:
  key: server.key
  cert: server.crt #! error certificate-ended
policy:
  minio-prod:
    allow:
    - /v1/key/create/prod-*
    - /v1/key/genrate/prod-* #! error dead-pattern
    - /v1/key/decrypt/prod-*
    - /v1/key/* #! warning wider-than-minio, note meaning-changed
    - /v1/status
    deny:
    - /v1/key/*/internal-* #! error dead-pattern
    - /version #! warning cannot-deny
    identities:
    - ${id("b")}
    - old-client.crt #! warning certificate-ended
    - client.crt #! warning certificate-ends-soon
  minio-archive:
    allow:
    - /v1/decrypt/archive-* #! error dead-pattern
    - /v1/key/decrypt/archive-2020-* #! warning shadowed-by-deny
    - /v1/key/describe/archive-*
    deny:
    - /v1/key/decrypt/archive-20*
    - /v1/policy/write/* #! warning removed-api
    identities:
    - ${id("b")} #! error identity-twice
    - ${id("c").slice(1)} #! error no-identity
  backup:
    allow:
    - /v1/key/bulk/decrypt/backup-* #! warning needs-other-rule
    - /v1/key/describe/backup-*
    identities:
    - ${id("a").toUpperCase()} #! error identity-is-admin, warning configuration
  reports: #! note no-identities
    file: policies/reports.yml
keystore:
  fs:
    path: keys
`;
    const lines = text.split("\n");
    await writeFile(join(dir, "kes.yml"), text.replace(/ #!.*/g, ""));
    const wanted = lines.flatMap((line, index) => {
      const [, marks] = / #! (.*)$/.exec(line) ?? [];
      return (marks ?? "")
        .split(", ")
        .flatMap((mark) => (mark === "" ? [] : [`kes.yml:${index + 1} ${mark}`]));
    });
    const lineOf = (part: string): number => lines.findIndex((line) => line.includes(part)) + 1;
    const all = await found("kes.yml");
    const told = all.map(({ file, line, severity, rule }) => `${file}:${line} ${severity} ${rule}`);
    expect(told.sort()).to.deep.equal([...wanted, "policies/reports.yml:4 note repeated"].sort());
    expect(wanted.length).to.be.greaterThan(13);

    const at = (rule: string): Found | undefined => all.find((one) => one.rule === rule);
    expect(at("dead-pattern")?.message).to.include("did you mean '/v1/key/generate/prod-*'?");
    expect(at("shadowed-by-deny")?.message).to.include(
      `deny '/v1/key/decrypt/archive-20*' (line ${lineOf("archive-20*")})`,
    );
    expect(at("identity-twice")?.message).to.include(`it stands at kes.yml:${lineOf(id("b"))}`);
    expect(at("certificate-ends-soon")?.message).to.match(/'client\.crt' ends on .*, in 9 days/);
    expect(all.filter(({ column }) => column === undefined)).to.deep.equal([]);
    const text2 = (await check(["kes.yml"])).out;
    expect(text2).to.match(/^kes\.yml:8:9: error: tls\.cert: the certificate 'server\.crt' ended on /m);
    expect(text2.split("\n").length - 1).to.equal(all.length);
  });

  it("finds nothing in what comes with Keswick", async () => {
    const checkout = join(dir, "checkout");
    await cp(join(root, "policies"), join(checkout, "policies"), { recursive: true });
    await cp(join(root, "kes-config.yml"), join(checkout, "kes-config.yml"));
    const layout = await layoutOf(join(checkout, ".keswick"));
    const day = { expiryMs: 365 * DAY_MS, nowMs: Date.now() };
    await makeFolder(layout, { ...day, dns: [], ip: [], policyText: async () => "" });
    const policies = (await readdir(join(checkout, "policies"))).map((name) => `policies/${name}`);
    const files = ["kes-config.yml", ...policies];
    expect(policies.length).to.be.greaterThan(4);
    const { code, out, err } = await check(["--strict", ...files], { cwd: checkout });
    expect([out, err, code]).to.deep.equal(["", `kes: nothing to mend in ${files.length} files\n`, 0]);
  });

  it("exits with 1 on errors, with --strict on warnings as well, never on notes", async () => {
    await writeFile(join(dir, "note.yml"), "allow: [ /v1/status, /v1/status ]\n");
    await writeFile(join(dir, "warning.yml"), "allow: [ /v1/status ]\ndeny: [ /version ]\n");
    await writeFile(join(dir, "error.yml"), "allow: [ /v1/statu ]\n");
    const codes = async (...flags: string[]): Promise<number[]> => {
      const all: number[] = [];
      for (const name of ["note", "warning", "error"])
        all.push((await check([...flags, `${name}.yml`])).code);
      return all;
    };
    expect(await codes()).to.deep.equal([0, 0, 1]);
    expect(await codes("--strict")).to.deep.equal([0, 1, 1]);
    expect(await codes("--json", "--strict")).to.deep.equal([0, 1, 1]);
    const { err } = await check(["note.yml", "warning.yml", "error.yml", "error.yml"]);
    expect(err).to.equal("kes: 1 error, 1 warning, 1 note in 3 files\n");
  });

  const bad: readonly (readonly [what: string, text: string | Uint8Array | undefined, message: RegExp])[] = [
    [
      "a file that is not there",
      undefined,
      /^x\.yml: error: cannot read the file: no such file \[configuration\]\n$/,
    ],
    ["text that is no YAML", "allow: [", /^x\.yml:\d+:\d+: error: invalid YAML: /],
    [
      "a binary file",
      new Uint8Array([0xff, 0xfe, 0]),
      /^x\.yml: error: cannot read the file: is not UTF-8 text/,
    ],
    ["an empty file", "# nothing\n", /^x\.yml: error: EOF: the file is empty or holds only comments/],
    ["a list", "- /v1/status\n", /^x\.yml:1:1: error: expected a mapping .* found a list/],
    ["TOML", '[policy.app]\npaths = [ "/v1/create/*" ]\n', /this looks like a TOML file/],
    [
      "something else",
      "services: {}\n",
      /^x\.yml:1:1: error: this is neither a policy .* nor a configuration/,
    ],
    [
      "identities in a document",
      "allow: []\nidentities: []\n",
      /^x\.yml:2:1: error: identities: unknown key/m,
    ],
    [
      "a variable that is not set",
      `policy: { p: { identities: [ '${reference("NO_SUCH")}' ] } }\n`,
      /referenced env\. variable 'NO_SUCH'/,
    ],
  ];
  for (const [what, text, message] of bad) {
    it(`refuses ${what}`, async () => {
      await rm(join(dir, "x.yml"), { force: true });
      if (text !== undefined) await writeFile(join(dir, "x.yml"), text);
      const { code, out } = await check(["x.yml"]);
      expect(out).to.match(message);
      expect(code).to.equal(1);
    });
  }

  it("reads a section 'policy' alone, a file of 2014, and standard input", async () => {
    const section = `policy:\n  app:\n    allow: [ /v1/status ]\n    identities: [ '${id("b")}' ]\n`;
    expect((await check(["-"], { stdin: section })).out).to.equal("");
    const twice = section + section.replace("policy:\n", "").replace("app", "more");
    expect((await check(["-"], { stdin: twice })).out).to.match(
      /^<stdin>:7:19: error: policy\.more\.identities\[0\]: kes: cannot assign policy 'more'.* \[identity-twice\]\n$/,
    );
    const older = `policy:\n  app:\n    paths: [ '/v1/key/*/app-*' ]\n    identities: [ '${id("b")}' ]\n`;
    expect((await check(["-"], { stdin: older })).out).to.match(
      /^<stdin>:3:5: warning: policy\.app\.paths: an older KES key/,
    );
    const tooLong = await check(["-"], { stdin: "#".repeat(1024 * 1024 + 1) }).catch(
      (error: unknown) => error,
    );
    expect(tooLong)
      .to.be.an("error")
      .with.property("message")
      .that.matches(/standard input is larger than/);
  });

  it("takes routes that the configuration opens for routes that ask no policy", async () => {
    const config = (skip: boolean): string =>
      [
        `admin: { identity: disabled }\ntls: { key: k, cert: missing.crt }\napi: { /v1/ready: { skip_auth: ${skip} } }`,
        `policy: { p: { allow: [ /v1/status ], deny: [ /v1/ready ], identities: [ '${id("b")}' ] } }`,
        "keystore: { fs: { path: keys } }\n",
      ].join("\n");
    const rules = async (skip: boolean): Promise<string[]> => {
      await writeFile(join(dir, "open.yml"), config(skip));
      return (await found("open.yml")).map(({ severity, rule }) => `${severity} ${rule}`);
    };
    expect(await rules(false)).to.deep.equal(["note certificate-unread"]);
    expect(await rules(true)).to.deep.equal(["note certificate-unread", "warning cannot-deny"]);
  });

  it("reads CA certificates where clients are verified", async () => {
    await certificate("server.crt", 300);
    await mkdir(join(dir, "ca"), { recursive: true });
    await certificate("ca/old.crt", -1);
    await certificate("ca/new.crt", 300);
    const config = (auth: string): string =>
      `admin: { identity: disabled }\ntls: { key: k, cert: server.crt, auth: ${auth}, ca: ca }\nkeystore: { fs: { path: keys } }\n`;
    await writeFile(join(dir, "ca.yml"), config("on"));
    const [one, ...more] = await found("ca.yml");
    expect(one?.message).to.match(
      /^the certificate 'ca\/old\.crt' ended on .*: clients with certificates of it are refused/,
    );
    expect([one?.severity, more]).to.deep.equal(["warning", []]);
    await writeFile(join(dir, "ca.yml"), config("off"));
    expect((await found("ca.yml")).map(({ message }) => message)).to.deep.equal([
      "has no effect while 'tls.auth' is off: client certificates are not verified",
    ]);
  });

  it("says the same of a shared document once", async () => {
    await writeFile(join(dir, "shared.yml"), "allow: [ /v1/statu ]\n");
    const both = `policy: { p: { file: shared.yml, identities: [ '${id("b")}' ] }, q: { file: shared.yml, identities: [ '${id("c")}' ] } }\n`;
    await writeFile(join(dir, "both.yml"), both);
    const { out } = await check(["both.yml", "shared.yml"]);
    expect(out.split("\n").length - 1).to.equal(1);
  });

  it("breaks lines on a terminal, colours the severity, and prints no control characters", async () => {
    await writeFile(join(dir, "tty.yml"), 'allow: [ /v1/key/*, "/v1/\\e[2Jx" ]\n');
    const { out } = await check(["tty.yml"], { isTTY: true });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
    const plain = out.replace(/\x1b\[[0-9;]*m/g, "");
    expect(out).to.include("\x1b[31merror\x1b[39m");
    expect(plain).to.include("\\x1b[2Jx").and.not.include("\x1b");
    expect(Math.max(...plain.split("\n").map((line) => line.length))).to.be.at.most(80);
    expect((await check(["--color=never", "tty.yml"], { isTTY: true })).out).to.equal(plain);
  });
});
