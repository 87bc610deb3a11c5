import { expect } from "chai";
import { type AccessRecord, accessLine } from "../../../../src/storage/server/access-log.js";

const record: AccessRecord = {
  timeMs: Date.UTC(2026, 10, 21, 12, 0, 0, 250),
  requestId: "0123456789ABCDEF",
  remote: "192.0.2.1",
  method: "GET",
  status: 200,
  bytesIn: 0,
  bytesOut: 5,
  totalMs: 1.23456,
  keyService: { calls: 1, ms: 0.98765 },
};

const MEMBERS = [
  ...["time", "requestId", "remote", "accessKey", "method", "operation", "bucket", "key", "status", "code"],
  ...["bytesIn", "bytesOut", "totalMs", "firstByteMs", "keyServiceCalls", "keyServiceMs"],
];

describe("storage/server access log", () => {
  it("has the same members in the same order, whatever is known", () => {
    const full = {
      ...record,
      accessKey: "a",
      operation: "GetObject" as const,
      bucket: "b",
      key: "k",
      code: "X",
      firstByteMs: 1,
    };
    for (const one of [record, full]) expect(Object.keys(JSON.parse(accessLine(one)))).to.deep.equal(MEMBERS);
  });

  it("tells time, figures and what is not known", () => {
    const line: Record<string, unknown> = JSON.parse(accessLine(record));
    expect(line.time).to.equal("2026-11-21T12:00:00.250Z");
    expect([line.totalMs, line.keyServiceCalls, line.keyServiceMs]).to.deep.equal([1.235, 1, 0.988]);
    expect([line.accessKey, line.operation, line.key, line.code, line.firstByteMs]).to.deep.equal([
      null,
      null,
      null,
      null,
      null,
    ]);
  });

  for (const key of [
    "a\nb",
    "a\r\nb",
    'a"b\\c',
    "\u001b[31mred",
    "a\u0085b\u009b31m",
    "a\u2028b\u2029c",
    "\u007f",
    "😀",
  ]) {
    it(`is one line without anything that a terminal acts on: ${JSON.stringify(key)}`, () => {
      const line = accessLine({ ...record, key });
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
      expect(line.slice(0, -1)).not.to.match(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
      expect(line.endsWith("\n")).to.equal(true);
      expect(JSON.parse(line).key).to.equal(key);
    });
  }
});
