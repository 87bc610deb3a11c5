import { expect } from "chai";
import { causes, ErrorLog, LEVELS, type LevelName, type LogSettings } from "../../../src/audit/error-log.js";
import { LogHub } from "../../../src/audit/hub.js";

const NOW = Date.UTC(2025, 2, 12, 9, 35, 18, 123);

function errorLog(settings: LogSettings) {
  const console: string[] = [];
  const hub = new LogHub();
  const out = { write: (line: string) => console.push(line), flush: () => undefined };
  const log = new ErrorLog(out, hub, settings, () => NOW);
  const stream: string[] = [];
  const follow = (): unknown =>
    hub.subscribe({ line: (line) => stream.push(line) > 0, end: () => undefined });
  const all = (): void => {
    log.debug("d");
    log.info("i");
    log.warn("w");
    log.error("e");
  };
  return { log, hub, console, stream, follow, all };
}

const messages = (lines: readonly string[]): string =>
  lines.map((line) => / msg=(.)/.exec(line)?.[1]).join("");

describe("ErrorLog", () => {
  const levels: readonly (readonly [level: number, written: string])[] = [
    [-4, "diwe"],
    [-1, "iwe"],
    [0, "iwe"],
    [1, "we"],
    [4, "we"],
    [8, "e"],
    [9, ""],
  ];
  for (const [level, written] of levels) {
    it(`at level ${level} writes '${written}', and streams INFO and above all the same`, () => {
      const { console, stream, follow, all, hub } = errorLog({ level, format: "text" });
      follow();
      all();
      expect(messages(console)).to.equal(written);
      expect(stream.map((line) => messages([JSON.parse(line).message])).join("")).to.equal("iwe");
      expect(hub.events).to.equal(3);
    });
  }

  it("S16 #14: switched off on the console, it still fills the stream", () => {
    const { console, stream, follow, log } = errorLog({ level: 9, format: "text" });
    follow();
    log.error("broken", new Error("why"), [["req.id", "1"]]);
    expect(console).to.deep.equal([]);
    expect(stream).to.have.length(1);
    expect(JSON.parse(stream[0] ?? "").message).to.match(/^time=\S+ level=ERROR msg="broken: why" req.id=1$/);
  });

  it("knows whether a line would be wanted", () => {
    const { log, follow } = errorLog({ level: 4, format: "text" });
    const wanted = (): LevelName[] =>
      (Object.keys(LEVELS) as LevelName[]).filter((level) => log.wants(level));
    expect(wanted()).to.deep.equal(["WARN", "ERROR"]);
    follow();
    expect(wanted()).to.deep.equal(["INFO", "WARN", "ERROR"]);
  });

  it("writes JSON when the format says so, and the stream keeps KES's form", () => {
    const { log, console, stream, follow } = errorLog({ level: 0, format: "json" });
    follow();
    log.warn("odd\nmessage", [["req.id", "1"]]);
    expect(JSON.parse(console[0] ?? "")).to.deep.equal({
      time: "2025-03-12T09:35:18.123Z",
      level: "WARN",
      msg: "odd\nmessage",
      "req.id": "1",
    });
    expect(JSON.parse(stream[0] ?? "").message).to.include('msg="odd\\nmessage"');
  });
});

describe("causes", () => {
  const chained = new Error("a", { cause: new Error("b", { cause: "c" }) });
  const coded = Object.assign(new Error("connect failed"), { code: "ECONNREFUSED" });
  const named = Object.assign(new Error("connect ECONNREFUSED 127.0.0.1"), { code: "ECONNREFUSED" });
  const cases: readonly (readonly [error: unknown, text: string])[] = [
    [new Error("a"), "a"],
    [chained, "a: b: c"],
    [coded, "connect failed (ECONNREFUSED)"],
    [named, "connect ECONNREFUSED 127.0.0.1"],
    [new TypeError(""), "TypeError"],
    ["text", "text"],
    [undefined, ""],
  ];
  for (const [error, text] of cases) it(`'${text}'`, () => expect(causes(error)).to.equal(text));

  it("tells no bytes of what was thrown beside errors", () => {
    expect(causes({ key: { bytes: "SECRET" } })).not.to.include("SECRET");
  });

  it("is bounded, also for an error that is its own cause", () => {
    const endless = new Error("x".repeat(1000));
    endless.cause = endless;
    expect(causes(endless).length).to.be.at.most(4096);
  });

  it("has no stack", () => expect(causes(new Error("a"))).not.to.include("at "));
});
