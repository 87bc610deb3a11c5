import { expect } from "chai";
import { type AuditBatch, RemoteAuditSink, takeBatch } from "../../../src/audit/remote-sink.js";
import { isKesError, KesError } from "../../../src/errors.js";

const turn = (): Promise<void> => new Promise(setImmediate);

describe("audit/remote-sink", () => {
  it("sends what one turn of the event loop brings in one batch of each kind", async () => {
    const batches: AuditBatch[] = [];
    const sink = new RemoteAuditSink(async (batch) => void batches.push(batch));
    const ends = [sink.append("a"), sink.append("b")];
    sink.record("c");
    sink.record("d");
    await Promise.all(ends);
    expect(batches).to.deep.equal([
      { records: ["a", "b"], durable: true, lost: 0 },
      { records: ["c", "d"], durable: false, lost: 0 },
    ]);
    await sink.append("e");
    expect(batches).to.have.length(3);
  });

  it("refuses what did not arrive, whatever the reason", async () => {
    const sink = new RemoteAuditSink(() => Promise.reject(new Error("the process has ended")));
    const failure: unknown = await sink.append("a").catch((error: unknown) => error);
    expect(isKesError(failure, "AUDIT_UNAVAILABLE")).to.equal(true);
  });

  it("counts what nobody waited for and what was too much, and tells it with the next batch", async () => {
    const batches: AuditBatch[] = [];
    let isDown = true;
    const sink = new RemoteAuditSink(async (batch) => {
      if (isDown) throw new Error("down");
      batches.push(batch);
    });
    sink.record("a");
    sink.record("b");
    await turn();
    await turn();
    isDown = false;
    for (let n = 0; n < 10; n++) sink.record("x".repeat(1024 * 1024));
    await turn();
    await turn();
    sink.record("c");
    await turn();
    expect(batches.map(({ records, lost }) => [records.length, lost])).to.deep.equal([
      [8, 4],
      [1, 0],
    ]);
  });

  it("is taken record by record on the other side", async () => {
    const taken: string[] = [];
    let lost = 0;
    const sink = {
      append: async (members: string) => void taken.push(`append ${members}`),
      record: (members: string) => void taken.push(`record ${members}`),
    };
    const lose = (records: number): void => {
      lost += records;
    };
    await takeBatch({ records: ["a", "b"], durable: true, lost: 0 }, sink, lose);
    await takeBatch({ records: ["c"], durable: false, lost: 2 }, sink, lose);
    expect(taken).to.deep.equal(["append a", "append b", "record c"]);
    expect(lost).to.equal(2);
    const failing = { ...sink, append: () => Promise.reject(new KesError("AUDIT_UNAVAILABLE")) };
    const failure: unknown = await takeBatch({ records: ["a"], durable: true, lost: 0 }, failing, lose).catch(
      (error: unknown) => error,
    );
    expect(isKesError(failure, "AUDIT_UNAVAILABLE")).to.equal(true);
  });
});
