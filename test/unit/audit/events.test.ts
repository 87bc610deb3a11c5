import { expect } from "chai";
import fc from "fast-check";
import { ConsoleLines } from "../../../src/audit/console-lines.js";
import { type AuditEvent, auditMembers, requestAttributes, toAuditText } from "../../../src/audit/events.js";
import { LineTimes } from "../../../src/audit/line-times.js";
import { goDuration, logfmt } from "../../../src/audit/logfmt.js";

const odd = fc.oneof(
  fc.string({ maxLength: 30 }),
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.constantFrom(
    "",
    "PUT",
    "/v1/key/generate/my-key",
    "10.1.2.3",
    "ab".repeat(32),
    "a b",
    'a"b',
    "a\\b",
    "a=b",
    "\ud800",
  ),
);
const hex = fc.stringMatching(/^[0-9a-f]{16}$/);
const event: fc.Arbitrary<AuditEvent> = fc.record({
  timeMs: fc.integer({ min: 0, max: 4_102_444_800_000 }),
  requestId: fc.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{10}$/),
  method: odd,
  path: fc.oneof(odd, fc.constant(`/${"ä".repeat(2000)}`), fc.constant(`/${"😀".repeat(1000)}`)),
  ip: odd,
  identity: odd,
  status: fc.integer({ min: 100, max: 599 }),
  durationNs: fc.oneof(fc.double({ min: 0, max: 1e12, noNaN: true }), fc.integer({ min: 0, max: 1e9 })),
  message: odd,
  trace: fc.option(fc.record({ traceId: hex, spanId: hex }), { nil: undefined }),
});

describe("audit lines", () => {
  it("for the console are the same octets where parts of them are remembered", () => {
    const lines = new ConsoleLines(new LineTimes());
    const times = new LineTimes();
    // Few values for each field, so that most of an event is that of the one before.
    const few = fc.record({
      timeMs: fc.constantFrom(0, 1_741_772_118_123, 1_741_772_118_999, 1_741_772_119_000),
      requestId: fc.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{10}$/),
      method: fc.constantFrom("PUT", "POST", "M SEARCH"),
      path: fc.constantFrom("/v1/key/decrypt/a", "/v1/key/decrypt/b", "/ä", "/a=b", `/${"x".repeat(300)}`),
      ip: fc.constantFrom("10.1.2.3", "::1", ""),
      identity: fc.constantFrom("ab".repeat(32), "cd".repeat(32), ""),
      status: fc.constantFrom(200, 403),
      durationNs: fc.oneof(fc.integer({ min: 0, max: 2_000_000 }), fc.integer({ min: 0, max: 1e11 })),
      message: fc.constantFrom("Decrypt a ciphertext", "refused: ö", 'a "b"', "y".repeat(300)),
    });
    let remembered = 0;
    fc.assert(
      fc.property(fc.oneof(few, event), (each) => {
        const octets = lines.octets(each);
        if (octets === undefined) return;
        remembered++;
        expect(Buffer.from(octets, "latin1").toString("utf8")).to.equal(`${toAuditText(each, times)}\n`);
      }),
      { numRuns: 2_000 },
    );
    expect(remembered).to.be.above(200);
  });

  it("are what the general writers make of an event, whatever it holds", () => {
    const times = new LineTimes();
    fc.assert(
      fc.property(event, (each) => {
        const { ip, identity, trace, path } = each;
        const json = JSON.stringify({
          time: new Date(each.timeMs).toISOString(),
          request: {
            ...(ip === "" ? {} : { ip }),
            path: path.slice(0, 1024),
            ...(identity === "" ? {} : { identity }),
            id: each.requestId,
            method: each.method,
            ...(trace === undefined ? {} : { trace_id: trace.traceId, span_id: trace.spanId }),
          },
          response: { code: each.status, time: Math.round(each.durationNs) },
        });
        expect(`{${auditMembers(each, times)}}`).to.equal(json);
        expect(toAuditText(each, times)).to.equal(
          logfmt(each.timeMs, "INFO", each.message, [
            ...requestAttributes(each),
            ["res.code", each.status],
            ["res.time", goDuration(each.durationNs)],
            ["req.id", each.requestId],
          ]),
        );
      }),
      { numRuns: 2000 },
    );
  });

  it("have the right time when seconds follow each other, go back, or change the zone's offset", () => {
    const times = new LineTimes();
    const start = Date.UTC(2025, 2, 30, 0, 59, 59, 990);
    for (const ms of [0, 1, 9, 10, 11, 1000, 3_600_000, 3_600_001, 15, -5, 0, 86_400_000 * 200]) {
      expect(times.utc(start + ms)).to.equal(new Date(start + ms).toISOString());
      expect(`time=${times.local(start + ms)} level=INFO msg=x`).to.equal(
        logfmt(start + ms, "INFO", "x", []),
      );
    }
  });
});
