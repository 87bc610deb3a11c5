import { EventEmitter } from "node:events";
import { expect } from "chai";
import { ConfigError } from "../../../../src/errors.js";
import { Channel, ChannelClosed, type Port } from "../../../../src/server/workers/channel.js";

interface Left {
  asks: { double: { asked: number; answer: number }; fail: { asked: string; answer: undefined } };
  notes: { said: string };
  answers: object;
  hears: object;
}
interface Right {
  asks: object;
  notes: object;
  answers: Left["asks"];
  hears: Left["notes"];
}

/** Two ends of one pipe, which copies what it carries as processes do. */
class End extends EventEmitter implements Port {
  connected = true;
  other: End | undefined;

  send(
    message: object,
    _handle?: unknown,
    _options?: unknown,
    sent?: (error: Error | null) => void,
  ): boolean {
    const copy = structuredClone(message);
    setImmediate(() => {
      sent?.(null);
      this.other?.emit("message", copy, undefined);
    });
    return true;
  }

  cut(): void {
    for (const end of [this, this.other]) {
      if (end === undefined) continue;
      end.connected = false;
      end.emit("disconnect");
    }
  }
}

function pair() {
  const [one, two] = [new End(), new End()];
  one.other = two;
  two.other = one;
  const said: string[] = [];
  const left = new Channel<Left>(one, {}, {});
  const never: Promise<number> = new Promise(() => {});
  new Channel<Right>(
    two,
    {
      double: (n) => (n < 0 ? never : n * 2),
      fail(how): never {
        if (how === "config") throw new ConfigError([{ file: "kes.yml", line: 3, message: "wrong" }]);
        throw new Error("outer", { cause: new Error("inner") });
      },
    },
    { said: (text) => void said.push(text) },
  );
  return { left, said, one };
}

const failure = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

describe("a channel between two processes", () => {
  it("brings each answer to its question", async () => {
    const { left } = pair();
    const answers = await Promise.all([1, 2, 3].map((n) => left.ask("double", n)));
    expect(answers).to.deep.equal([2, 4, 6]);
  });

  it("brings failures: faults of a configuration as such, others by their messages", async () => {
    const { left } = pair();
    const config = await failure(left.ask("fail", "config"));
    expect(config).to.be.instanceOf(ConfigError);
    expect(String(config)).to.include("kes.yml:3: wrong");
    expect(String(await failure(left.ask("fail", "other")))).to.equal("Error: outer: inner");
  });

  it("keeps notes in order and knows how much of them is on its way", async () => {
    const { left, said } = pair();
    left.note("said", "a", 10);
    left.note("said", "b", 20);
    expect(left.unsentBytes).to.equal(30);
    await left.ask("double", 1);
    expect(left.unsentBytes).to.equal(0);
    expect(said).to.deep.equal(["a", "b"]);
  });

  it("rejects what was asked, and what is asked later, when the other process ends", async () => {
    const { left, one } = pair();
    const asked = failure(left.ask("double", -1));
    one.cut();
    expect(await asked).to.be.instanceOf(ChannelClosed);
    expect(await failure(left.ask("double", 1))).to.be.instanceOf(ChannelClosed);
    left.note("said", "nobody hears it", 5);
    expect(left.unsentBytes).to.equal(0);
  });
});
