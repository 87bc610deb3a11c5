import { expect } from "chai";
import { banner, levelText } from "../../../src/server/banner.js";

const facts = {
  version: "1.2.3",
  commit: "abcdef",
  keystore: "Filesystem: ./keys",
  host: "127.0.0.1",
  port: 7373,
  workers: 1,
  admin: "ab".repeat(32),
  errorLevel: 0,
  auditLevel: 9,
};

describe("banner", () => {
  it("shows what runs, where, with which keystore and admin", () => {
    const lines = banner(facts).split("\n");
    expect(lines).to.deep.equal([
      "Version     1.2.3               commit=abcdef",
      `Runtime     node ${process.versions.node} ${process.platform}/${process.arch}`,
      "License     Apache-2.0          https://www.apache.org/licenses/LICENSE-2.0",
      "",
      "KMS         Filesystem: ./keys",
      "API         · https://127.0.0.1:7373",
      "",
      `Admin       ${"ab".repeat(32)}`,
      "Logs        error=stderr level=INFO",
      "",
    ]);
  });

  it("shows the audit log when it goes to the console, the API key in development mode, no admin", () => {
    const { admin: _, ...rest } = facts;
    const text = banner({ ...rest, admin: undefined, apiKey: "kes:v1:test", auditLevel: 0 });
    expect(text).to.include("\n            audit=stdout level=INFO\n");
    expect(text).to.include("\nAPI Key     kes:v1:test\n");
    expect(text).to.include("\nAdmin       <disabled>\n");
  });

  it("writes an IPv6 address in brackets, and one URL an interface when it listens on all", () => {
    expect(banner({ ...facts, host: "::1" })).to.include("· https://[::1]:7373\n");
    for (const host of ["", "0.0.0.0", "::"])
      expect(banner({ ...facts, host })).to.match(/API {9}· https:\/\/[0-9a-f.:[\]]+:7373\n/);
  });

  it("ends no line in blanks", () => expect(banner(facts)).not.to.match(/ \n/));
});

describe("levelText", () => {
  const levels: readonly (readonly [number, string])[] = [
    [-5, "DEBUG-1"],
    [-4, "DEBUG"],
    [-1, "DEBUG+3"],
    [0, "INFO"],
    [2, "INFO+2"],
    [4, "WARN"],
    [8, "ERROR"],
    [9, "ERROR+1"],
  ];
  for (const [level, text] of levels)
    it(`${level} is ${text}`, () => expect(levelText(level)).to.equal(text));
});
