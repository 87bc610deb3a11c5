import { expect } from "chai";
import { AuditLog } from "../../../src/audit/audit-log.js";
import type { LogSettings } from "../../../src/audit/error-log.js";
import type { AuditEvent } from "../../../src/audit/events.js";
import { LogHub } from "../../../src/audit/hub.js";

const event: AuditEvent = {
  timeMs: Date.UTC(2025, 2, 12, 9, 35, 18, 123),
  requestId: "6f1c2a90-0000000001",
  method: "POST",
  path: "/v1/key/create/my-key",
  ip: "10.1.2.3",
  identity: "ab".repeat(32),
  status: 200,
  durationNs: 1_234_567.4,
  message: "secret key 'my-key' created",
};

function auditLog(settings: LogSettings) {
  const console: string[] = [];
  const hub = new LogHub();
  const log = new AuditLog({ write: (line) => console.push(line), flush: () => undefined }, hub, settings);
  const stream: string[] = [];
  const follow = (): unknown =>
    hub.subscribe({ line: (line) => stream.push(line) > 0, end: () => undefined });
  return { log, hub, console, stream, follow };
}

const OFF = 9;
const text = (level: number): LogSettings => ({ level, format: "text" });

describe("AuditLog", () => {
  it("writes a console line in KES's form, with the request's id behind it", () => {
    const { log, console } = auditLog(text(0));
    log.record(event);
    expect(console).to.have.length(1);
    expect(console[0]?.replace(/^time=\S+ /, "")).to.equal(
      "level=INFO msg=\"secret key 'my-key' created\" req.method=POST req.path=/v1/key/create/my-key " +
        `req.ip=10.1.2.3 req.identity=${"ab".repeat(32)} res.code=200 res.time=1.234567ms req.id=6f1c2a90-0000000001\n`,
    );
  });

  it("writes one JSON object a line when the format says so", () => {
    const { log, console } = auditLog({ level: 0, format: "json" });
    log.record({ ...event, message: 'odd "message"\n' });
    const line = console[0] ?? "";
    expect(line).to.match(/^[^\n]+\n$/);
    expect(JSON.parse(line)).to.deep.include({ level: "INFO", msg: 'odd "message"\n' });
    expect(JSON.parse(line).response).to.deep.equal({ code: 200, time: 1_234_567 });
  });

  it("S16 #13: sends the stream nanoseconds", () => {
    const { log, stream, follow } = auditLog(text(OFF));
    follow();
    log.record(event);
    expect(JSON.parse(stream[0] ?? "")).to.deep.equal({
      time: "2025-03-12T09:35:18.123Z",
      request: {
        ip: "10.1.2.3",
        path: "/v1/key/create/my-key",
        identity: "ab".repeat(32),
        id: "6f1c2a90-0000000001",
        method: "POST",
      },
      response: { code: 200, time: 1_234_567 },
    });
  });

  it("leaves out what is unknown", () => {
    const { log, console, stream, follow } = auditLog(text(0));
    follow();
    log.record({ ...event, ip: "", identity: "" });
    expect(JSON.parse(stream[0] ?? "").request).to.have.all.keys("path", "id", "method");
    expect(console[0]).to.include('req.ip="" req.identity=<unknown> ');
  });

  it("cuts what a client may make as long as it likes", () => {
    const { log, console, stream, follow } = auditLog(text(0));
    follow();
    log.record({ ...event, path: "/".padEnd(100_000, "a"), method: "X".repeat(5_000) });
    expect(console[0]?.length).to.be.below(2_000);
    expect(stream[0]?.length).to.be.below(7_000);
  });

  it("S16 #14: switched off on the console, it still fills the stream", () => {
    const { log, console, stream, follow } = auditLog(text(OFF));
    expect([log.onConsole, log.wanted]).to.deep.equal([false, false]);
    follow();
    expect(log.wanted).to.equal(true);
    log.record(event);
    expect(console).to.deep.equal([]);
    expect(stream).to.have.length(1);
  });

  it("counts every event once, wanted or not", () => {
    const { log, hub, follow } = auditLog(text(OFF));
    log.count();
    log.record(event);
    follow();
    log.record(event);
    expect(hub.events).to.equal(3);
  });

  it("goes by the new settings after a reload", () => {
    const { log, console } = auditLog(text(OFF));
    log.configure(text(-4));
    log.record(event);
    log.configure(text(4));
    log.record(event);
    expect(console).to.have.length(1);
  });
});
