/** Must hold: what one client has sent ahead is read in portions, and others come in between. */
import { expect } from "chai";
import { ChunkDecoder } from "../../../../src/server/http1/chunks.js";
import { Inbox } from "../../../../src/server/http1/inbox.js";
import { Later } from "../../../../src/server/http1/later.js";

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("http1: portions", () => {
  it("are of a body in tiny chunks a few hundred of them", () => {
    let size = 0;
    const decoder = new ChunkDecoder((piece) => {
      size += piece.length;
    });
    const bytes = Buffer.from(`${"1\r\nb\r\n".repeat(10_000)}0\r\n\r\n`);
    let at = 0;
    let portions = 0;
    for (; !decoder.isDone; portions++) {
      const next = decoder.take(bytes, at, bytes.length);
      if (typeof next !== "number") throw new Error("refused");
      expect(next - at).to.be.within(1, 256 * 6);
      at = next;
    }
    expect(portions).to.be.at.least(40);
    expect([size, at]).to.deep.equal([10_000, bytes.length]);
  });

  it("take two milliseconds of a turn, on all connections together", async () => {
    let nowMs = 0;
    const later = new Later(() => nowMs);
    expect(later.isLong()).to.equal(false);
    nowMs += 1;
    expect(later.isLong()).to.equal(false);
    nowMs += 2;
    expect(later.isLong()).to.equal(true);
    await nextTurn();
    expect(later.isLong()).to.equal(false);
  });

  it("go on in later turns, in their order", async () => {
    let nowMs = 0;
    const later = new Later(() => nowMs);
    const served: number[] = [];
    for (let i = 0; i < 6; i++) {
      const goOn = (): void => {
        served.push(i);
        nowMs += 1;
      };
      later.add({ goOn });
    }
    await nextTurn();
    expect(served).to.deep.equal([0, 1]);
    await nextTurn();
    await nextTurn();
    expect(served).to.deep.equal([0, 1, 2, 3, 4, 5]);
  });

  it("take hardly more memory than their bytes", () => {
    const inbox = new Inbox();
    for (let i = 0; i < 8; i++) inbox.add(Buffer.alloc(16 * 1024));
    expect(inbox.size).to.equal(128 * 1024);
    expect(inbox.bytes.length).to.be.below(150 * 1024);
  });
});
