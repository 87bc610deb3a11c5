import { expect } from "chai";
import { AuditPipe } from "../../../../src/server/workers/audit-pipe.js";
import { LogLines } from "../../../../src/server/workers/log-lines.js";
import type { Lines } from "../../../../src/server/workers/protocol.js";

describe("a worker's lines", () => {
  function made() {
    const sent: Lines[] = [];
    const state = { unsent: 0 };
    const lines = new LogLines({
      send: (batch) => void sent.push(batch),
      unsentBytes: () => state.unsent,
      follow: async () => undefined,
    });
    return { lines, sent, state };
  }

  it("go together, in order", () => {
    const { lines, sent } = made();
    lines.stdout.write("a\n");
    lines.stderr.write("x\n");
    lines.stdout.write("b\n");
    lines.relay("audit").publish("1\n");
    lines.relay("error").publish("2\n");
    lines.relay("audit").publish("3\n");
    expect(sent).to.deep.equal([]);
    lines.flush();
    lines.flush();
    expect(sent).to.deep.equal([{ stdout: "a\nb\n", stderr: "x\n", audit: ["1\n", "3\n"], error: ["2\n"] }]);
  });

  it("go soon by themselves", async () => {
    const { lines, sent } = made();
    lines.stdout.write("a\n");
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(sent).to.have.length(1);
  });

  it("are dropped and counted when nobody takes them", () => {
    const { lines, sent, state } = made();
    state.unsent = 9 * 1024 * 1024;
    for (let i = 0; i < 5; i++) lines.stdout.write("lost\n");
    lines.flush();
    expect(sent).to.deep.equal([]);
    state.unsent = 0;
    lines.stdout.write("kept\n");
    lines.flush();
    expect(sent).to.deep.equal([
      {
        stdout: "kept\n",
        stderr: "5 log lines were dropped: the primary process was too slow\n",
        audit: [],
        error: [],
      },
    ]);
  });

  it("are wanted when somebody follows, in whatever process", () => {
    const { lines } = made();
    const [audit, error] = [lines.relay("audit"), lines.relay("error")];
    expect([audit.followed, error.followed]).to.deep.equal([false, false]);
    lines.setFollowed({ audit: true, error: false });
    expect([audit.followed, error.followed]).to.deep.equal([true, false]);
  });
});

describe("a worker's audit records", () => {
  function made(append: (records: readonly string[]) => Promise<readonly boolean[]>) {
    const recorded: string[][] = [];
    const state = { unsent: 0, lost: 0 };
    const pipe = new AuditPipe({
      append,
      record: (records) => void recorded.push([...records]),
      unsentBytes: () => state.unsent,
      lose: (records) => {
        state.lost += records;
      },
    });
    return { pipe, recorded, state };
  }
  const codes = (ends: readonly PromiseSettledResult<void>[]): unknown[] =>
    ends.map((end) => (end.status === "fulfilled" ? "written" : (end.reason as { code: string }).code));

  it("of one turn go in one message, and each learns its own fate", async () => {
    const asked: string[][] = [];
    const { pipe } = made(async (records) => {
      asked.push([...records]);
      return records.map((record) => record !== "b");
    });
    const ends = await Promise.allSettled(["a", "b", "c"].map((record) => pipe.append(record)));
    expect(asked).to.deep.equal([["a", "b", "c"]]);
    expect(codes(ends)).to.deep.equal(["written", "AUDIT_UNAVAILABLE", "written"]);
  });

  it("are not written when the primary says nothing, or too little", async () => {
    const gone = made(() => Promise.reject(new Error("gone")));
    expect(codes(await Promise.allSettled([gone.pipe.append("a")]))).to.deep.equal(["AUDIT_UNAVAILABLE"]);
    const short = made(async () => []);
    expect(codes(await Promise.allSettled([short.pipe.append("a")]))).to.deep.equal(["AUDIT_UNAVAILABLE"]);
  });

  it("that nobody waits for are counted as lost when too much is on its way", () => {
    const { pipe, recorded, state } = made(async () => []);
    pipe.record("a");
    state.unsent = 17 * 1024 * 1024;
    pipe.record("b");
    pipe.record("c");
    pipe.flush();
    expect(recorded).to.deep.equal([["a"]]);
    expect(state.lost).to.equal(2);
  });
});
