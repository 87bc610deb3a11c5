import { appendFile, readFile, rename, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import { nodeAuditFileSystem } from "../../../../src/audit/file/system.js";
import { verifyFiles } from "../../../../src/audit/file/verify.js";
import type { AuditWriter } from "../../../../src/audit/file/writer.js";
import { isKesError } from "../../../../src/errors.js";
import { type AuditFolder, auditFolder, diskError, sampleMembers } from "../../../support/audit-file.js";

/** Ticks that no clock drives. */
const noTimer = { every: () => setTimeout(() => undefined, 0) };

describe("audit/file/writer", () => {
  let site: AuditFolder;
  let open: AuditWriter[];
  beforeEach(async () => {
    site = await auditFolder();
    open = [];
  });
  afterEach(async () => {
    site.faults.clear();
    await Promise.all(open.map((writer) => writer.close()));
    await site.remove();
  });

  const started = async (...args: Parameters<AuditFolder["writer"]>): Promise<AuditWriter> => {
    const writer = site.writer(args[0], { ...noTimer, ...args[1] });
    await writer.start();
    open.push(writer);
    return writer;
  };
  const chainFiles = async (): Promise<string[]> =>
    (await site.names())
      .filter((name) => /^audit\.log(\.\d{12}(-\d+)?)?$/.test(name))
      .map((name) => join(site.folder, name));
  const verified = async () => verifyFiles(await chainFiles(), { keys: [site.publicKey], heads: [] });
  const events = async (): Promise<string[]> => (await verified()).notices.map(({ event }) => event);
  const refused = (work: Promise<void>): Promise<boolean> =>
    work.then(
      () => false,
      (error) => isKesError(error, "AUDIT_UNAVAILABLE"),
    );

  it("chains records, signs the end, and goes on where it ended", async () => {
    for (let turn = 0; turn < 3; turn++) {
      const writer = await started();
      await Promise.all([1, 2, 3].map((n) => writer.append(sampleMembers(turn * 10 + n))));
      await writer.close();
    }
    const report = await verified();
    expect(report).to.deep.include({ findings: [], closed: true, unsigned: 0, checkpoints: 3 });
    const lines = await site.lines();
    expect(lines.map(({ type }) => type)).to.deep.equal([
      ...["header", "notice", "request", "request", "request", "checkpoint"],
      ...["notice", "request", "request", "request", "checkpoint"],
      ...["notice", "request", "request", "request", "checkpoint"],
    ]);
    expect(lines.map(({ seq }) => seq)).to.deep.equal(lines.map((_, index) => index + 1));
    expect(lines[6]).to.include({ event: "resume", closed: true, unsigned: 0, after: 6 });
  });

  it("writes all that waits with one sync", async () => {
    let syncs = 0;
    site.faults.set("fdatasync", () => void syncs++);
    const writer = await started();
    syncs = 0;
    await Promise.all(Array.from({ length: 500 }, (_, n) => writer.append(sampleMembers(n))));
    expect(syncs).to.be.within(1, 3);
    expect(writer.figures()).to.include({ records: 500, lost: 0, failing: false });
  });

  it("keeps the order in which records came", async () => {
    const writer = await started();
    const ends: Promise<void>[] = [];
    for (let n = 0; n < 300; n++) {
      ends.push(writer.append(sampleMembers(n)));
      if (n % 37 === 0) await new Promise(setImmediate);
    }
    await Promise.all(ends);
    const ids = (await site.lines()).flatMap(({ request }) =>
      request === undefined ? [] : [Reflect.get(Object(request), "id")],
    );
    expect(ids).to.deep.equal(Array.from({ length: 300 }, (_, n) => String(n)));
  });

  it("does not sync each batch when nobody waits, but with each checkpoint", async () => {
    let syncs = 0;
    const writer = await started({ sync: false });
    site.faults.set("fdatasync", () => void syncs++);
    for (let n = 0; n < 10; n++) writer.record(sampleMembers(n));
    await writer.append(sampleMembers(10));
    expect(syncs).to.equal(0);
    await writer.close();
    expect(syncs).to.equal(1);
    expect((await verified()).lines).to.equal(14);
  });

  it("signs once a minute while there are records, and not without", async () => {
    const writer = await started();
    await writer.append(sampleMembers(1));
    await writer.tick();
    expect((await verified()).checkpoints).to.equal(0);
    site.clock.forwardMs += 60_000;
    site.clock.wallMs += 60_000;
    await writer.tick();
    site.clock.forwardMs += 60_000;
    site.clock.wallMs += 60_000;
    await writer.tick();
    const report = await verified();
    expect(report).to.deep.include({ checkpoints: 1, unsigned: 0, closed: false, findings: [] });
    expect(JSON.parse(await site.text("audit.log.head"))).to.include({ type: "checkpoint", seq: 4 });
  });

  describe("rotates", () => {
    it("by size, and removes what is too much", async () => {
      const writer = await started({ maxBytes: 4_000, keep: 2 });
      for (let n = 0; n < 120; n++) await writer.append(sampleMembers(n));
      await writer.close();
      const files = await chainFiles();
      expect(files).to.have.length(3);
      const report = await verified();
      expect(report.findings).to.deep.equal([]);
      expect(report.files[0]?.first).to.be.greaterThan(1);
      expect(report.notices.filter(({ event }) => event === "removed").length).to.be.greaterThan(0);
    });

    it("by age, also of a file from before a restart, whatever the clock says meanwhile", async () => {
      const settings = { maxAgeMs: 3_600_000 };
      const first = await started(settings);
      await first.append(sampleMembers(1));
      await first.close();
      site.clock.wallMs += 1_800_000;
      const second = await started(settings);
      // An hour back and two ahead: no time has passed.
      for (const jumpMs of [-3_600_000, 7_200_000]) {
        site.clock.wallMs += jumpMs;
        await second.append(sampleMembers(2));
        await second.tick();
      }
      expect(await chainFiles()).to.have.length(1);
      site.clock.forwardMs += 1_800_000;
      site.clock.wallMs += 1_800_000;
      await second.tick();
      expect(await chainFiles()).to.have.length(2);
      expect((await verified()).findings).to.deep.equal([]);
    });

    it("when asked, and a file that logrotate has moved stays where it is", async () => {
      const writer = await started();
      await writer.append(sampleMembers(1));
      await writer.rotate();
      expect(await site.names()).to.include("audit.log.000000000001");
      await writer.append(sampleMembers(2));
      await rename(site.path, join(site.folder, "audit.log.1"));
      await writer.reopen();
      await writer.append(sampleMembers(3));
      await writer.close();
      const files = [...(await chainFiles()), join(site.folder, "audit.log.1")];
      const report = await verifyFiles(files, { keys: [site.publicKey], heads: [] });
      expect(report.findings).to.deep.equal([]);
      expect(report.files).to.have.length(3);
      expect(report.notices.map(({ event }) => event)).to.deep.equal(["start"]);
    });

    it("goes on in the old file while the new name cannot be had", async () => {
      const writer = await started({ maxBytes: 1_000 });
      site.faults.set("rename", () => diskError("EACCES"));
      for (let n = 0; n < 20; n++) await writer.append(sampleMembers(n));
      site.faults.clear();
      await writer.close();
      expect((await verified()).findings).to.deep.equal([]);
      expect(site.logged.join("\n")).to.include("the file cannot be rotated");
      expect(writer.figures().lost).to.equal(0);
    });
  });

  describe("a disk that fails", () => {
    for (const [call, code] of [
      ["append", "ENOSPC"],
      ["append", "EROFS"],
      ["fdatasync", "EIO"],
    ] as const) {
      it(`refuses records on ${code} of ${call}, takes them again afterwards, and tells of the loss`, async () => {
        const writer = await started();
        await writer.append(sampleMembers(1));
        site.faults.set(call, () => diskError(code));
        expect(await refused(writer.append(sampleMembers(2)))).to.equal(true);
        // Until the next try nobody waits for the disk.
        expect(await refused(writer.append(sampleMembers(3)))).to.equal(true);
        writer.record(sampleMembers(4));
        expect(writer.figures()).to.include({ failing: true, lost: 1 });
        site.faults.clear();
        site.clock.forwardMs += 10_000;
        site.clock.wallMs += 10_000;
        await writer.append(sampleMembers(5));
        expect(writer.figures()).to.include({ failing: false });
        await writer.close();
        const report = await verified();
        expect(report.findings).to.deep.equal([]);
        expect(report.notices.find(({ event }) => event === "lost")?.details).to.include({ records: 1 });
        const text = await site.text();
        expect(text).to.include('"id":"1"').and.include('"id":"5"');
        for (const id of [2, 3, 4]) expect(text).to.not.include(`"id":"${id}"`);
        expect(site.logged.filter((line) => line.startsWith("error"))).to.have.length(1);
        expect(site.logged.join("\n")).to.include(code).and.include("written again");
      });
    }

    it("takes back the part of a batch that came to the disk", async () => {
      const writer = await started();
      await writer.append(sampleMembers(1));
      const before = await site.text();
      site.faults.set("append", () => {
        site.faults.delete("append");
        return diskError("ENOSPC");
      });
      // As a disk does that becomes full: some bytes are written, then it fails.
      await appendFile(site.path, '{"seq":4,"type":"requ');
      expect(await refused(writer.append(sampleMembers(2)))).to.equal(true);
      expect(await site.text()).to.equal(before);
    });

    it("does not wait for a disk that hangs", async () => {
      let release = (): void => undefined;
      const hang = new Promise<void>((resolve) => {
        release = resolve;
      });
      let isHanging = false;
      const slow = site.writer(
        { path: join(site.folder, "slow.log") },
        {
          ...noTimer,
          writeTimeoutMs: 50,
          lock: async () => async () => undefined,
          fs: {
            ...nodeAuditFileSystem,
            fdatasync: async () => (isHanging ? hang : undefined),
          },
        },
      );
      await slow.start();
      isHanging = true;
      const late = slow.append(sampleMembers(1));
      expect(await refused(late)).to.equal(true);
      expect(await refused(slow.append(sampleMembers(2)))).to.equal(true);
      expect(slow.figures().failing).to.equal(true);
      isHanging = false;
      release();
      site.clock.forwardMs += 10_000;
      const deadline = Date.now() + 5_000;
      while (slow.figures().failing && Date.now() < deadline) {
        site.clock.forwardMs += 1_000;
        await slow.append(sampleMembers(3)).catch(() => undefined);
        await delay(5);
      }
      expect(slow.figures().failing).to.equal(false);
      await slow.close();
      const report = await verifyFiles([join(site.folder, "slow.log")], {
        keys: [site.publicKey],
        heads: [],
      });
      expect(report.findings).to.deep.equal([]);
    });

    it("refuses to start with a path that cannot be written", async () => {
      for (const path of [join(site.folder, "none", "audit.log"), site.folder]) {
        const writer = site.writer({ path });
        let failure: unknown;
        await writer.start().catch((error: unknown) => {
          failure = error;
        });
        expect(failure, path).to.be.instanceOf(Error);
      }
      expect(await site.names()).to.deep.equal([]);
    });
  });

  describe("somebody else's hand", () => {
    it("puts a deleted file back, without losing a record", async () => {
      const writer = await started();
      for (let n = 0; n < 50; n++) await writer.append(sampleMembers(n));
      await rm(site.path);
      await writer.append(sampleMembers(50));
      await writer.append(sampleMembers(51));
      await writer.close();
      const report = await verified();
      expect(report.findings).to.deep.equal([]);
      expect(report.notices.map(({ event }) => event)).to.deep.equal(["start", "deleted"]);
      const all = (await Promise.all((await chainFiles()).map((file) => readFile(file, "utf8")))).join("");
      for (let n = 0; n < 52; n++) expect(all).to.include(`"id":"${n}"`);
      expect(site.logged.join("\n")).to.match(/error audit: the file was deleted under this server/);
    });

    it("notices a file that was moved away without a word", async () => {
      const writer = await started();
      await writer.append(sampleMembers(1));
      await rename(site.path, join(site.folder, "stolen"));
      await writer.tick();
      await writer.append(sampleMembers(2));
      await writer.close();
      const report = await verifyFiles([join(site.folder, "stolen"), site.path], {
        keys: [site.publicKey],
        heads: [],
      });
      expect(report.findings).to.deep.equal([]);
      expect(await events()).to.include("moved");
      expect(site.logged.join("\n")).to.match(/error audit: the file was moved away/);
    });

    it("moves a file aside that was put in the place of its own", async () => {
      const writer = await started();
      await writer.append(sampleMembers(1));
      await rename(site.path, join(site.folder, "stolen"));
      await writeFile(site.path, "nothing to see here\n");
      await writer.tick();
      await writer.append(sampleMembers(2));
      await writer.close();
      expect(await readFile(join(site.folder, "audit.log.000000000000"), "utf8")).to.equal(
        "nothing to see here\n",
      );
      const report = await verifyFiles([join(site.folder, "stolen"), site.path], {
        keys: [site.publicKey],
        heads: [],
      });
      expect(report.findings).to.deep.equal([]);
      expect(site.logged.join("\n")).to.include("no audit file was found in its place");
    });

    it("shows a file that was cut under the server, at once and for ever", async () => {
      const writer = await started();
      for (let n = 0; n < 5; n++) await writer.append(sampleMembers(n));
      const { size } = await stat(site.path);
      await truncate(site.path, size - 300);
      await writer.append(sampleMembers(6));
      await writer.append(sampleMembers(7));
      await writer.close();
      expect(site.logged.join("\n")).to.match(
        /error audit: the file was changed by somebody else: what=size changed/,
      );
      const report = await verified();
      expect(report.findings).to.not.have.length(0);
      expect(await events()).to.include("damaged");
    });

    it("shows what somebody else has appended", async () => {
      const writer = await started();
      await writer.append(sampleMembers(1));
      await appendFile(site.path, "hello\n");
      await writer.append(sampleMembers(2));
      await writer.close();
      const { findings } = await verified();
      expect(findings.map(({ kind, line }) => [kind, line])).to.deep.equal([["malformed", 4]]);
      expect(site.logged.join("\n")).to.include("changed by somebody else");
    });
  });

  describe("goes on after", () => {
    const killed = async (): Promise<void> => {
      const writer = await started({}, { lock: async () => async () => undefined });
      await writer.append(sampleMembers(1));
      await writer.rotate();
      for (let n = 2; n < 6; n++) await writer.append(sampleMembers(n));
      // Neither closed nor signed: as a process that was killed leaves it.
      open = [];
    };

    it("a kill: says so, and how much was not signed", async () => {
      await killed();
      const writer = await started();
      await writer.close();
      const report = await verified();
      expect(report.findings).to.deep.equal([]);
      expect(report.notices.at(-1)).to.deep.include({ event: "resume" });
      expect(report.notices.at(-1)?.details).to.include({ closed: false, unsigned: 5 });
    });

    for (const [what, rest] of [
      ["half a line", '{"seq":12,"type":"request","time":"2026-01-'],
      ["zeros, as a power loss leaves them", "\0".repeat(4096)],
      ["lines that are none", "hello\nworld\n"],
    ] as const) {
      it(`${what}: keeps it beside the file, and says so`, async () => {
        await killed();
        await appendFile(site.path, rest);
        const writer = await started();
        await writer.append(sampleMembers(9));
        await writer.close();
        const report = await verified();
        expect(report.findings).to.deep.equal([]);
        const torn = report.notices.find(({ event }) => event === "torn");
        expect(torn?.details).to.include({ bytes: rest.length });
        expect(await site.text("audit.log.torn")).to.equal(rest);
        expect(site.logged.join("\n")).to.include("ended in the middle of a line");
      });
    }

    it("a cut while it was away: leaves the gap to be seen", async () => {
      const first = await started();
      for (let n = 0; n < 9; n++) await first.append(sampleMembers(n));
      await first.close();
      const lines = (await site.text()).split("\n");
      await writeFile(site.path, `${lines.slice(0, 6).join("\n")}\n`);
      const second = await started();
      await second.append(sampleMembers(10));
      await second.close();
      const { findings } = await verified();
      expect(findings.map(({ kind }) => kind)).to.deep.equal(["missing"]);
      expect(findings[0]?.message).to.match(/^6 records are missing/);
      expect(site.logged.join("\n")).to.include("lines at the end are missing");
    });

    it("an edit while it was away: goes on, says so, and verification finds it", async () => {
      await killed();
      const text = await site.text();
      await writeFile(site.path, text.replace('/v1/key/generate/k3"', '/v1/key/generate/kX"'));
      const writer = await started();
      await writer.close();
      const { findings } = await verified();
      expect(findings.map(({ kind, sequence }) => [kind, sequence])).to.deep.equal([["changed", 7]]);
      expect(site.logged.join("\n")).to.match(
        /changed by somebody else: what=a line does not fit those before it, line=7/,
      );
    });

    it("a file that is gone: from the last checkpoint, so that nothing is numbered twice", async () => {
      await killed();
      await rm(site.path);
      const writer = await started();
      await writer.append(sampleMembers(9));
      await writer.close();
      const report = await verified();
      expect(report.findings).to.deep.equal([]);
      expect((await site.lines())[0]).to.deep.include({ type: "header", seq: 5 });
    });

    it("a checkpoint beside it that somebody made up", async () => {
      await killed();
      await rm(site.path);
      const head = await site.text("audit.log.head");
      await writeFile(
        join(site.folder, "audit.log.head"),
        head.replace(/"signature":"..../, '"signature":"AAAA'),
      );
      const writer = await started();
      await writer.close();
      expect(site.logged.join("\n")).to.include("not signed by this key");
    });

    it("another key: its first file names it", async () => {
      const other = await auditFolder();
      const writer = await started();
      await writer.append(sampleMembers(1));
      await writer.configure({ ...site.settings, signer: other.signer });
      await writer.append(sampleMembers(2));
      await writer.close();
      const both = await verifyFiles(await chainFiles(), {
        keys: [site.publicKey, other.publicKey],
        heads: [],
      });
      expect(both.findings).to.deep.equal([]);
      expect((await verified()).findings.map(({ kind }) => kind)).to.deep.equal(["forged"]);
      await other.remove();
    });
  });

  it("tells of a clock that was set by an hour, each way", async () => {
    const writer = await started();
    for (const jumpMs of [3_600_000, -3_600_000]) {
      await writer.append(sampleMembers(1));
      site.clock.wallMs += jumpMs;
      await writer.append(sampleMembers(2));
    }
    await writer.close();
    const report = await verified();
    expect(report.findings).to.deep.equal([]);
    const jumps = report.notices
      .filter(({ event }) => event === "clock")
      .map(({ details }) => Math.round(Number(details.jumpMs) / 60_000));
    expect(jumps).to.deep.equal([60, -60]);
  });

  it("waits for the server before it, and takes over when that has ended", async () => {
    const first = await started();
    await first.append(sampleMembers(1));
    const second = await started();
    let isDone = false;
    const waiting = second.append(sampleMembers(2)).then(() => {
      isDone = true;
    });
    await first.append(sampleMembers(3));
    expect(isDone).to.equal(false);
    await first.close();
    await waiting;
    await second.close();
    expect((await verified()).findings).to.deep.equal([]);
    expect(site.logged.join("\n")).to.match(new RegExp(`still written by process ${process.pid}`));
    expect(await site.names()).to.not.include("audit.log.lock");
  });

  it("takes a lock whose holder has died, and one that is half written", async () => {
    const dead = { pid: 2 ** 22 - 1, started: "1", boot: "x", namespace: "y" };
    for (const text of [JSON.stringify(dead), '{"pid":']) {
      await writeFile(join(site.folder, "audit.log.lock"), text);
      const writer = await started();
      await writer.append(sampleMembers(1));
      await writer.close();
    }
    expect((await verified()).findings).to.deep.equal([]);
  });

  it("refuses records when it has closed", async () => {
    const writer = await started();
    await writer.close();
    expect(await refused(writer.append(sampleMembers(1)))).to.equal(true);
    writer.record(sampleMembers(2));
    expect(writer.figures().lost).to.equal(1);
  });
});
