import { rename } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { nodeAuditFileSystem } from "../../../../src/audit/file/system.js";
import type { AuditWriter } from "../../../../src/audit/file/writer.js";
import type { Collector } from "../../../../src/audit/forward/collector.js";
import { Forwarder, type ForwarderSettings } from "../../../../src/audit/forward/forwarder.js";
import { type AuditFolder, auditFolder, sampleMembers } from "../../../support/audit-file.js";
import { until } from "../../../support/child-process.js";

/** Takes lines while it is up. */
class Memory implements Collector {
  readonly name = "webhook";
  readonly taken: number[] = [];
  isUp = true;

  async send(lines: readonly Buffer[]): Promise<void> {
    if (!this.isUp) throw new Error("down");
    this.taken.push(...lines.map((line) => JSON.parse(line.toString()).seq));
  }

  close(): void {}
}

const MANY = { maxBacklogBytes: 1e9, blocks: false };

describe("audit/forward/forwarder", () => {
  let site: AuditFolder;
  let writer: AuditWriter;
  let collector: Memory;
  let forwarders: Forwarder[];
  beforeEach(async () => {
    site = await auditFolder();
    collector = new Memory();
    forwarders = [];
    writer = site.writer(
      { maxBytes: 3_000 },
      {
        onWritten: () => {
          for (const forwarder of forwarders) forwarder.wake();
        },
      },
    );
    await writer.start();
  });
  afterEach(async () => {
    await writer.close();
    await Promise.all(forwarders.map((forwarder) => forwarder.close()));
    await site.remove();
  });

  const forward = (settings: ForwarderSettings = MANY): Forwarder => {
    const forwarder = new Forwarder(collector, settings, {
      fs: nodeAuditFileSystem,
      log: {
        info: (message) => site.logged.push(message),
        warn: (message) => site.logged.push(message),
        error: (message, cause) => site.logged.push(`${message}: ${String(cause)}`),
      },
      now: Date.now,
      path: site.path,
      first: () => writer.first,
      sequence: () => writer.sequence,
      record: (members) => writer.record(members),
    });
    forwarders.push(forwarder);
    forwarder.start();
    return forwarder;
  };
  const write = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n++) await writer.append(sampleMembers(n));
  };
  const hasAll = (): Promise<void> =>
    until("every line is sent", async () => collector.taken.at(-1) === writer.sequence);
  const numbers = (from: number, to: number): number[] =>
    Array.from({ length: to - from + 1 }, (_, n) => from + n);

  it("sends every line once and in order, over rotations", async () => {
    forward();
    await until("it has begun", async () => {
      await write(1);
      return collector.taken.length > 0;
    });
    await write(100);
    await hasAll();
    const first = collector.taken[0] ?? 0;
    expect(collector.taken).to.deep.equal(numbers(first, writer.sequence));
    expect((await site.names()).filter((name) => /\.\d{12}$/.test(name)).length).to.be.greaterThan(5);
  });

  it("goes on after a restart behind what was taken, also in files that were rotated meanwhile", async () => {
    const first = forward();
    await until("it has begun", async () => {
      await write(1);
      return collector.taken.length > 0;
    });
    await hasAll();
    await first.close();
    forwarders = [];
    const before = collector.taken.at(-1) ?? 0;
    await write(60);
    forward();
    await hasAll();
    expect(collector.taken.slice(collector.taken.indexOf(before))).to.deep.equal(
      numbers(before, writer.sequence),
    );
  });

  it("tries again until the collector takes lines, and says so once", async () => {
    const forwarder = forward();
    await until("it has begun", async () => {
      await write(1);
      return collector.taken.length > 0;
    });
    collector.isUp = false;
    await write(10);
    await until("it fails", async () => forwarder.figures().failing);
    collector.isUp = true;
    await hasAll();
    await until("it knows", async () => !forwarder.figures().failing);
    expect(collector.taken).to.deep.equal(numbers(collector.taken[0] ?? 0, writer.sequence));
    expect(site.logged.filter((line) => line.includes("cannot be sent"))).to.have.length(1);
    expect(site.logged.join("\n")).to.include("sent again");
  });

  it("skips the oldest lines when too much waits, and tells which in the chain", async () => {
    const forwarder = forward({ maxBacklogBytes: 4_000, blocks: false });
    await until("it has begun", async () => {
      await write(1);
      return collector.taken.length > 0;
    });
    collector.isUp = false;
    await write(80);
    await until("lines are skipped", async () => forwarder.figures().skipped > 0);
    collector.isUp = true;
    await hasAll();
    const { skipped } = forwarder.figures();
    const missing = numbers(collector.taken[0] ?? 0, writer.sequence).filter(
      (seq) => !collector.taken.includes(seq),
    );
    expect(missing).to.have.length(skipped);
    const notices = (
      await Promise.all(
        (
          await site.names()
        )
          .filter((name) => /^audit\.log(\.\d+)?$/.test(name))
          .map((name) => site.lines(name)),
      )
    )
      .flat()
      .filter(({ event }) => event === "skipped");
    const told = notices.flatMap(({ first, last }) => numbers(Number(first), Number(last)));
    expect(told.sort((a, b) => a - b)).to.deep.equal(missing);
  });

  it("says that it blocks instead, where nothing is to be skipped", async () => {
    const forwarder = forward({ maxBacklogBytes: 2_000, blocks: true });
    await until("it has begun", async () => {
      await write(1);
      return collector.taken.length > 0;
    });
    expect(forwarder.isBlocking).to.equal(false);
    collector.isUp = false;
    await write(40);
    await until("it blocks", async () => forwarder.isBlocking);
    collector.isUp = true;
    await until("it is free again", async () => !forwarder.isBlocking);
    await hasAll();
    expect(forwarder.figures().skipped).to.equal(0);
  });

  it("tells of lines whose file somebody took away before they were sent", async () => {
    const forwarder = forward();
    await until("it has begun", async () => {
      await write(1);
      return collector.taken.length > 0;
    });
    await forwarder.close();
    forwarders = [];
    await write(60);
    const rotated = (await site.names()).filter((name) => /\.\d{12}$/.test(name));
    for (const name of rotated.slice(0, -1))
      await rename(join(site.folder, name), join(site.folder, `gone-${name}`));
    const next = forward();
    await hasAll();
    expect(next.figures().skipped).to.be.greaterThan(10);
    expect(site.logged.join("\n")).to.include("not in the audit files any more");
  });
});
