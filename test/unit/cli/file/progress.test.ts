import { expect } from "chai";
import { formatBytes, formatSeconds, Progress } from "../../../../src/cli/file/progress.js";

const MIB = 1024 * 1024;

/** A terminal that remembers, and a clock that is set by hand. */
function terminal(isStderrTerminal = true, columns = 80) {
  const lines: string[] = [];
  let ms = 0;
  return {
    lines,
    now: () => ms,
    pass: (more: number) => {
      ms += more;
    },
    screen: {
      isStderrTerminal,
      size: { columns },
      prompt: (text: string) => void lines.push(text),
    },
  };
}

describe("the progress of a long command", () => {
  it("is a line with bar, rate and rest, drawn over itself and taken away", () => {
    const { lines, now, pass, screen } = terminal();
    const progress = new Progress({ label: "encrypting", total: 100 * MIB, screen, now });
    pass(1000);
    progress.add(25 * MIB);
    expect(lines).to.deep.equal([
      "\r\x1b[Kencrypting [##........]  25%  25.0 MiB of 100.0 MiB   25.0 MiB/s  3s left",
    ]);
    progress.end();
    expect(lines.at(-1)).to.equal("\r\x1b[K");
  });

  it("is not shown for what is done at once, nor more than ten times a second", () => {
    const { lines, now, pass, screen } = terminal();
    const progress = new Progress({ label: "encrypting", total: 100 * MIB, screen, now });
    pass(499);
    progress.add(MIB);
    progress.end();
    expect(lines).to.deep.equal([]);
    for (let i = 0; i < 100; i++) {
      pass(10);
      progress.add(MIB / 100);
    }
    expect(lines.length).to.be.within(9, 11);
  });

  it("is for terminals", () => {
    const { lines, now, pass, screen } = terminal(false);
    const progress = new Progress({ label: "encrypting", total: MIB, screen, now });
    pass(5000);
    progress.add(MIB);
    progress.end();
    expect(lines).to.deep.equal([]);
  });

  it("has no bar when nobody knows how much there is", () => {
    const { lines, now, pass, screen } = terminal();
    const progress = new Progress({ label: "decrypting", screen, now });
    pass(2000);
    progress.add(3 * MIB);
    expect(lines).to.deep.equal(["\r\x1b[Kdecrypting  3.0 MiB    1.5 MiB/s"]);
  });

  it("never shows more than everything, and never more than fits", () => {
    const { lines, now, pass, screen } = terminal(true, 40);
    const progress = new Progress({ label: "encrypting", total: MIB, screen, now });
    pass(1000);
    progress.add(5 * MIB);
    expect(lines[0]).to.include("\r\x1b[Kencrypting [##########] 100%");
    expect((lines[0] ?? "").length).to.equal(4 + 39);
    for (const total of [0, 1]) {
      const other = terminal();
      const empty = new Progress({ label: "x", total, screen: other.screen, now: other.now });
      other.pass(600);
      empty.add(0);
      expect(other.lines[0]).to.not.match(/NaN|Infinity/);
    }
  });

  it("tells the rate of the last seconds, not of the whole", () => {
    const { lines, now, pass, screen } = terminal();
    const progress = new Progress({ label: "encrypting", total: 10_000 * MIB, screen, now });
    for (let i = 0; i < 10; i++) {
      pass(1000);
      progress.add(100 * MIB);
    }
    for (let i = 0; i < 10; i++) {
      pass(1000);
      progress.add(MIB);
    }
    expect(lines.at(-1)).to.include("   1.0 MiB/s");
  });

  it("words bytes and seconds", () => {
    const bytes: [number, string][] = [
      [0, "0 B"],
      [1023, "1023 B"],
      [1024, "1.0 KiB"],
      [1536 * MIB, "1.5 GiB"],
      [2 ** 48, "256.0 TiB"],
    ];
    for (const [count, text] of bytes) expect(formatBytes(count)).to.equal(text);
    const seconds: [number, string][] = [
      [0, "0s"],
      [0.2, "1s"],
      [59.5, "1m00s"],
      [125, "2m05s"],
      [3725, "1h02m"],
    ];
    for (const [count, text] of seconds) expect(formatSeconds(count)).to.equal(text);
  });
});
