import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { expect } from "chai";
import { attack } from "../../../../bench/audit-proof/attack.js";
import { tamperings } from "../../../../bench/audit-proof/tamper.js";
import { type WrittenLog, writeLog } from "../../../../bench/audit-proof/write-log.js";
import { type Report, verifyFiles } from "../../../../src/audit/file/verify.js";
import { requireService } from "../../../support/services/index.js";

const run = promisify(execFile);
const vectors = resolve(import.meta.dirname, "../../../vectors/audit");

describe("audit/file/verify", () => {
  let folder: string;
  let log: WrittenLog;
  let foreign: WrittenLog;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "keswick-verify-"));
    for (const name of ["log", "foreign"]) await mkdir(join(folder, name));
    log = await writeLog(join(folder, "log"), 16_000, 1024 * 1024);
    foreign = await writeLog(join(folder, "foreign"), 16_000, 1024 * 1024);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const verify = (
    files: readonly string[],
    more: Partial<Parameters<typeof verifyFiles>[1]> = {},
  ): Promise<Report> => verifyFiles(files, { keys: [log.publicKey], heads: [], ...more });

  it("finds nothing in a log that is whole, whatever the order of its files", async () => {
    expect(log.files.length).to.be.greaterThan(4);
    const report = await verify([...log.files].reverse(), { heads: [log.head] });
    expect(report).to.deep.include({
      findings: [],
      findingCount: 0,
      unsigned: 0,
      closed: true,
      head: log.head,
    });
    expect(report.files.map(({ file }) => file)).to.deep.equal(log.files);
    expect(report.lines).to.equal(log.head.sequence);
  });

  it("takes a part of a log, and says where it begins", async () => {
    const report = await verify(log.files.slice(2));
    expect(report.findings).to.deep.equal([]);
    expect(report.files[0]?.first).to.be.greaterThan(1);
  });

  it("reads compressed files", async () => {
    const small = join(folder, "small.gz");
    await writeFile(small, gzipSync(await readFile(log.files[0] ?? "")));
    expect((await verify([small, ...log.files.slice(1)])).findings).to.deep.equal([]);
  });

  it("finds each kind of tampering, and names the place", async () => {
    let seed = 42;
    // A plain generator, so that a failure can be repeated.
    const draw = (n: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return (seed >>> 8) % n;
    };
    const kinds = Object.keys(tamperings).length;
    const results = await attack(log, foreign, join(folder, "bad"), 2 * kinds, draw);
    const wrong = results.filter(({ detected, isPlaceRight }) => !detected || !isPlaceRight);
    expect(wrong).to.deep.equal([]);
    expect(new Set(results.map(({ kind }) => kind)).size).to.equal(kinds);
  }).timeout(60_000);

  it("finds a file that is missing between others", async () => {
    const { findings } = await verify(log.files.filter((_, index) => index !== 2));
    expect(findings.map(({ kind, file, line }) => [kind, file, line])).to.deep.equal([
      ["missing", log.files[3], 1],
    ]);
  });

  it("tells a cut log from a short one by what is known from elsewhere, and only by that", async () => {
    // The last file but one has several checkpoints.
    const shorter = log.files.slice(0, -1);
    const lines = (await readFile(shorter.at(-1) ?? "", "utf8")).trimEnd().split("\n");
    const end = JSON.parse(lines.at(-1) ?? "");
    const head = { sequence: end.seq, hash: end.hash };
    expect((await verify(shorter, { heads: [head] })).findings).to.deep.equal([]);
    const mark = lines.findIndex((line) => line.includes('"type":"checkpoint"'));
    expect(mark).to.be.lessThan(lines.length - 1);
    const cut = join(folder, "cut.log");
    await writeFile(cut, `${lines.slice(0, mark + 1).join("\n")}\n`);
    const files = [...shorter.slice(0, -1), cut];
    const known = await verify(files, { heads: [head] });
    expect(known.findings.map(({ kind, sequence }) => [kind, sequence])).to.deep.equal([
      ["truncated", head.sequence],
    ]);
    const unknown = await verify(files);
    expect(unknown).to.deep.include({ findings: [], closed: false, unsigned: 0 });
    const other = await verify(log.files, { heads: [{ ...log.head, hash: "0".repeat(64) }] });
    expect(other.findings.map(({ kind }) => kind)).to.deep.equal(["changed"]);
  });

  it("says how much stands behind the last checkpoint", async () => {
    const lines = (await readFile(log.files[0] ?? "", "utf8")).trimEnd().split("\n");
    const mark = lines.findIndex((line) => line.includes('"type":"checkpoint"'));
    const cut = join(folder, "tail.log");
    await writeFile(cut, `${lines.slice(0, mark + 8).join("\n")}\n`);
    expect(await verify([cut])).to.deep.include({ findings: [], unsigned: 7, closed: false });
  });

  it("takes signatures of the given keys alone, and checks none without", async () => {
    const others = await verify(log.files, { keys: [foreign.publicKey] });
    expect(others.findings[0]?.message).to.include("names another key");
    expect((await verify(log.files, { keys: [foreign.publicKey, log.publicKey] })).findings).to.deep.equal(
      [],
    );
    expect(await verify(log.files, { keys: [] })).to.deep.include({ findings: [], signaturesChecked: false });
  });

  it("does not pass a log without a signature where one is asked for, unless told to", async () => {
    const lines = (await readFile(log.files[0] ?? "", "utf8")).trimEnd().split("\n");
    const mark = lines.findIndex((line) => line.includes('"type":"checkpoint"'));
    const bare = join(folder, "bare.log");
    await writeFile(bare, `${lines.slice(0, mark).join("\n")}\n`);
    const refused = await verify([bare]);
    expect(refused.findings.map(({ file, line, kind }) => [file, line, kind])).to.deep.equal([
      [bare, 0, "unsigned"],
    ]);
    expect(refused.findingCount).to.equal(1);
    expect((await verify([bare], { allowUnsigned: true })).findings).to.deep.equal([]);
    expect((await verify([bare], { keys: [] })).findings).to.deep.equal([]);
    // The permission excuses nothing else.
    const foreignKey = { keys: [foreign.publicKey], allowUnsigned: true };
    expect((await verify(log.files, foreignKey)).findings[0]?.kind).to.equal("forged");
  });

  it("is not led astray by files that are none", async () => {
    const files = {
      text: "hello\n",
      unended: "hello",
      endless: "x".repeat(300_000),
      zeros: "\0".repeat(200_000),
      json: '{"seq":1,"type":"header"}\n',
    };
    for (const [name, content] of Object.entries(files)) {
      const file = join(folder, name);
      await writeFile(file, content);
      const report = await verify([file]);
      expect(
        report.findings.map(({ kind }) => kind),
        name,
      ).to.deep.equal(["not-an-audit-file"]);
    }
  });

  it("tells a file whose server died as it began it from one that is none", async () => {
    const whole = await readFile(log.files[0] ?? "");
    for (const length of [0, 1, 7, 50, whole.indexOf(10)]) {
      const file = join(folder, "begun.log");
      await writeFile(file, whole.subarray(0, length));
      const { findings } = await verify([file]);
      expect(findings.map(({ kind, line }) => [kind, line])).to.deep.equal([["torn", 1]]);
    }
  });

  it("keeps the first hundred findings and counts the rest", async () => {
    const lines = (await readFile(log.files[0] ?? "", "utf8")).trimEnd().split("\n");
    const bad = join(folder, "many.log");
    await writeFile(bad, `${lines[0]}\n${"junk\n".repeat(500)}${"y".repeat(100_000)}\n`);
    const { findings, findingCount } = await verify([bad]);
    expect([findings.length, findingCount]).to.deep.equal([100, 501]);
  });

  describe("and others' programs", () => {
    it("agree on a log that another program wrote", async () => {
      const { createPublicKey } = await import("node:crypto");
      const keys = [createPublicKey(await readFile(join(vectors, "audit.pub")))];
      const files = ["audit.log", "audit.log.000000000001"].map((name) => join(vectors, name));
      const report = await verifyFiles(files, { keys, heads: [] });
      expect(report).to.deep.include({ findings: [], closed: true, lines: 29, checkpoints: 2 });
    });

    it("agree on a log of ours, and on what was done to it", async function () {
      const python = requireService(this, "python3");
      requireService(this, "openssl");
      const key = join(folder, "audit.pub");
      await writeFile(key, log.publicKey.export({ type: "spki", format: "pem" }));
      const theirs = async (files: readonly string[]): Promise<string> =>
        run(python, [join(vectors, "verify.py"), key, ...files]).then(
          ({ stdout }) => stdout.trim(),
          (error: { stdout: string }) => error.stdout.trim(),
        );
      expect(await theirs(log.files)).to.equal(`whole up to ${log.head.sequence}:${log.head.hash}`);

      const text = await readFile(log.files[1] ?? "", "utf8");
      const lines = text.trimEnd().split("\n");
      const bad = join(folder, "theirs.log");
      const cases: Record<string, string> = {
        edit: text.replace('"code":200', '"code":201'),
        remove: `${[...lines.slice(0, 50), ...lines.slice(51)].join("\n")}\n`,
        forge: text.replace(/"signature":"..../, '"signature":"AAAA'),
      };
      for (const [what, changed] of Object.entries(cases)) {
        await writeFile(bad, changed);
        const { findings } = await verify([bad]);
        const first = findings[0];
        expect(await theirs([bad]), what).to.match(new RegExp(`^${bad}:${first?.line}: `));
        expect(basename(first?.file ?? "")).to.equal("theirs.log");
      }
    }).timeout(60_000);
  });
});
