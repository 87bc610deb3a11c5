/** Must hold: memory in which answers are gathered goes from connection to connection with nothing in it. */
import { expect } from "chai";
import { Outbox, Pages } from "../../../../src/server/http2/outbox.js";
import type { Transport } from "../../../../src/server/http2/transport.js";
import { Turn } from "../../../../src/server/http2/turn.js";

const SECRET = Buffer.from("plaintext of a data key");

describe("http2: memory of answers", () => {
  const written: Buffer[] = [];
  const transport: Transport = {
    write: (bytes) => written.push(bytes) > 0,
    pause: () => undefined,
    resume: () => undefined,
    end: () => undefined,
    destroy: () => undefined,
  };

  /** A page that was used by another connection. */
  function used(leave: (outbox: Outbox) => void): Buffer {
    const pages = new Pages();
    const outbox = new Outbox(transport, pages);
    const page = outbox.room(SECRET.length);
    SECRET.copy(page, outbox.end);
    outbox.wrote(outbox.end + SECRET.length);
    leave(outbox);
    const next = pages.take(1);
    expect(next).to.equal(page);
    return next;
  }

  it("is wiped when it was sent, and what was sent is not", () => {
    expect(used((outbox) => outbox.flush()).includes(SECRET)).to.equal(false);
    expect(written.at(-1)?.equals(SECRET)).to.equal(true);
  });

  it("is wiped when the connection ends before", () => {
    expect(used((outbox) => outbox.drop()).includes(SECRET)).to.equal(false);
  });
});

describe("http2: turns", () => {
  it("goes on for others when one connection throws", () => {
    const runs: (() => void)[] = [];
    const turn = new Turn(
      () => 0,
      (run) => void runs.push(run),
    );
    turn.add({
      flush() {
        throw new Error("of one connection");
      },
    });
    expect(() => runs.pop()?.()).to.throw("of one connection");
    let flushed = 0;
    turn.add({ flush: () => void flushed++ });
    runs.pop()?.();
    expect(flushed).to.equal(1);
  });
});
