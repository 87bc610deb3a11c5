import { expect } from "chai";
import fc from "fast-check";
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
