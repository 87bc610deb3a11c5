import { expect } from "chai";
import { type LiveView, showLive } from "../../../../src/cli/terminal/live-view.js";
import { ManualTicker, settled } from "../../../support/manual-ticker.js";
import { type AtTerminal, atTerminal } from "../../../support/screen.js";

interface Played extends AtTerminal {
  readonly ticker: ManualTicker;
  readonly abort: AbortController;
  readonly keys: string[];
  readonly ended: Promise<void>;
}

/** A view of 24 rows that counts its updates. */
function play(view: Partial<LiveView> = {}, count?: number): Played {
  const terminal = atTerminal(40, 10);
  const ticker = new ManualTicker();
  const abort = new AbortController();
  const keys: string[] = [];
  let updates = 0;
  const ended = showLive(
    terminal.context,
    {
      async update() {
        updates++;
      },
      lines: ({ columns, rows }) => [
        `update ${updates}`,
        `${columns}x${rows}`,
        ...Array.from({ length: rows }, (_, i) => `row ${i + 3} ${"-".repeat(columns)}`),
      ],
      onKey(key) {
        keys.push(key);
        return key !== "q";
      },
      ...view,
    },
    { ticker, everyMs: 1000, count },
    abort.signal,
  );
  ended.catch(() => undefined);
  return { ...terminal, ticker, abort, keys, ended };
}

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe("cli/terminal/live-view", () => {
  const listeners = (): number =>
    ["exit", "SIGCONT", "SIGQUIT"].reduce((sum, name) => sum + process.listenerCount(name), 0);

  it("takes the whole screen, cuts what is too long, and gives the terminal back", async () => {
    const before = listeners();
    const { screen, keyboard, ticker, ended } = play();
    await ticker.pass(0);
    expect(await screen.isAlternate()).to.equal(true);
    expect(keyboard.isRaw).to.equal(true);
    const lines = await screen.lines();
    expect(lines.slice(0, 2)).to.deep.equal(["update 1", "40x10"]);
    expect(lines.slice(2).map((line) => line.slice(0, 6).trim())).to.deep.equal(
      [3, 4, 5, 6, 7, 8, 9, 10].map((row) => `row ${row}`.slice(0, 6)),
    );
    keyboard.write("q");
    await ended;
    expect(await screen.isAsFound()).to.equal(true);
    expect(keyboard.isRaw).to.equal(false);
    expect(keyboard.listenerCount("data")).to.equal(0);
    expect(listeners()).to.equal(before);
  });

  it("writes only what has changed", async () => {
    const { screen, keyboard, ticker, ended } = play();
    await ticker.pass(0);
    const drawn = screen.bytes.length;
    await ticker.pass(1000);
    expect((await screen.lines())[0]).to.equal("update 2");
    expect(screen.bytes.length - drawn).to.be.below(60);
    keyboard.write("q");
    await ended;
  });

  it("follows the size of the terminal at once", async () => {
    const { screen, keyboard, ticker, ended } = play();
    await ticker.pass(0);
    screen.resize(60, 5);
    const smaller = await screen.lines();
    expect(smaller[1]).to.equal("60x5");
    expect(smaller[4]).to.match(/^row 5 -{50}/);
    screen.resize(20, 12);
    expect((await screen.lines())[11]).to.match(/^row 12 /);
    keyboard.write("q");
    await ended;
  });

  it("ends after so many pictures", async () => {
    const { screen, ticker, ended } = play({}, 2);
    await ticker.pass(5000);
    await ended;
    expect(screen.bytes).to.include("update 2").and.not.include("update 3");
    expect(await screen.isAsFound()).to.equal(true);
  });

  it("tells keys apart that come together, Ctrl-C among them", async () => {
    const { keyboard, keys, ticker, ended } = play();
    await ticker.pass(0);
    let interrupted = 0;
    const onInterrupt = (): void => void interrupted++;
    process.on("SIGINT", onInterrupt);
    try {
      keyboard.write("s\x1b[A\x1bOBp\x1b[1;5C\x1bx\x03\x1b");
      await settled();
      const endMs = Date.now() + 2_000;
      while (interrupted === 0 && Date.now() < endMs) await new Promise((resolve) => setImmediate(resolve));
    } finally {
      process.off("SIGINT", onInterrupt);
    }
    expect(keys).to.deep.equal(["s", "\x1b[A", "\x1bOB", "p", "\x1b[1;5C", "\x1bx", "\x1b"]);
    expect(interrupted).to.equal(1);
    keyboard.write("q");
    await ended;
  });

  it("gives the terminal back when the view fails", async () => {
    const failure = new Error("no more figures");
    const { screen, keyboard, ended } = play({ update: () => Promise.reject(failure) });
    expect(await failureOf(ended)).to.equal(failure);
    expect(await screen.isAsFound()).to.equal(true);
    expect(keyboard.isRaw).to.equal(false);
  });

  it("gives the terminal back when drawing fails", async () => {
    const failure = new Error("cannot be drawn");
    const { screen, ended } = play({
      lines: () => {
        throw failure;
      },
    });
    expect(await failureOf(ended)).to.equal(failure);
    expect(await screen.isAsFound()).to.equal(true);
  });

  it("gives the terminal back when it is interrupted, also within an update", async () => {
    const update = (signal: AbortSignal): Promise<void> =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    for (const view of [{}, { update }]) {
      const { screen, abort, ticker, ended } = play(view);
      await ticker.pass(0);
      const reason = new Error("interrupted");
      abort.abort(reason);
      expect(await failureOf(ended)).to.equal(reason);
      expect(await screen.isAsFound()).to.equal(true);
    }
  });

  it("ends by a key even while an update hangs", async () => {
    const update = (signal: AbortSignal): Promise<void> =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    const { screen, keyboard, ended } = play({ update });
    keyboard.write("q");
    await ended;
    expect(await screen.isAsFound()).to.equal(true);
  });

  it("tells keys apart, special ones in one piece", async () => {
    const { keyboard, keys, ended } = play();
    keyboard.write("ab");
    await settled();
    keyboard.write("\x1b[A");
    await settled();
    keyboard.write("q");
    await ended;
    expect(keys).to.deep.equal(["a", "b", "\x1b[A", "q"]);
  });

  it("draws everything anew after the process was stopped and went on", async () => {
    const { screen, keyboard, ticker, ended } = play();
    await ticker.pass(0);
    screen.write("\x1b[?1049l$ shell says something\r\n");
    keyboard.setRawMode(false);
    process.emit("SIGCONT");
    expect(await screen.isAlternate()).to.equal(true);
    expect((await screen.lines())[1]).to.equal("40x10");
    expect(keyboard.isRaw).to.equal(true);
    keyboard.write("q");
    await ended;
  });
});
