import { expect } from "chai";
import { auditJson, errorJson } from "../../../../src/cli/log/json.js";
import { errorRow, logHeader, logLayout, logRow } from "../../../../src/cli/log/rows.js";
import { clockText } from "../../../../src/cli/terminal/units.js";
import type { AuditEvent } from "../../../../src/client/types.js";
import { plainStyle, taggedStyle } from "../../../support/plain-style.js";

const IDENTITY = "3ecfcdf38fcbe141ae26a1030f81e96b753365a46760ae6b578698a97c59fd22";
const TIME = "2026-01-02T03:04:05.678Z";
const CLOCK = clockText(Date.parse(TIME));
const event: AuditEvent = {
  time: TIME,
  request: { ip: "10.1.2.3", path: "/v1/key/generate/my-minio-key", identity: IDENTITY },
  response: { code: 200, timeNs: 1_234_567 },
};
const longest: AuditEvent = {
  ...event,
  request: {
    ip: "2001:0db8:85a3:0000:0000:8a2e:0370:7334",
    path: `/v1/key/generate/${"n".repeat(80)}`,
    identity: IDENTITY,
  },
  response: { code: 502, timeNs: 123_456_789 },
};
const bare: AuditEvent = { time: "never", request: { path: "/\x1b[2J" }, response: { code: 404, timeNs: 0 } };

describe("cli/log/rows", () => {
  it("prints KES's columns into pipes, whole", () => {
    const layout = logLayout(undefined, ["one:7373"]);
    expect(logHeader(layout)).to.equal(
      "Time        Status    Identity                IP                 API                               Latency",
    );
    expect(logRow(layout, plainStyle, event)).to.equal(
      `${CLOCK}    200       3ecfcdf38fcbe141ae2…    10.1.2.3           /v1/key/generate/my-minio-key     1.23ms`,
    );
    expect(logRow(layout, plainStyle, longest)).to.include(`${"n".repeat(80)} 123ms`);
    expect(logRow(layout, plainStyle, longest)).to.include("2001:0db8:85a3:0000:0000:8a2e:0370:7334 /v1");
    expect(logRow(layout, plainStyle, bare)).to.equal(
      "--:--:--    404       <unknown>               <unknown>          /%1B[2J                           0ns",
    );
  });

  for (const columns of [60, 80, 100, 140, 250]) {
    it(`fits ${columns} columns, whatever comes, with one and with two servers`, () => {
      for (const servers of [["one:7373"], ["one:7373", "a-host-with-a-long-name.example.com:7373"]]) {
        const layout = logLayout(columns, servers);
        expect(logHeader(layout).length).to.be.at.most(columns);
        for (const one of [event, longest, bare]) {
          const row = logRow(layout, plainStyle, one, servers.at(-1));
          expect(row.length, row).to.be.at.most(columns);
          expect(row).to.include(String(one.response.code));
        }
      }
    });
  }

  it("shows at 80 columns what tells requests apart", () => {
    const layout = logLayout(80, ["one:7373"]);
    expect([
      logHeader(layout),
      logRow(layout, plainStyle, event),
      logRow(layout, plainStyle, longest),
    ]).to.deep.equal([
      "Time      Code Identity    IP               API                          Latency",
      `${CLOCK}  200  3ecfcdf38…  10.1.2.3         /v1/key/generate/…minio-key  1.23ms`,
      `${CLOCK}  502  3ecfcdf38…  2001:0d…70:7334  /v1/key/generate/…nnnnnnnnn  123ms`,
    ]);
  });

  it("colours answers by whose fault they are", () => {
    const layout = logLayout(undefined, []);
    expect(logRow(layout, taggedStyle, event)).to.include("<green:200>");
    expect(logRow(layout, taggedStyle, bare)).to.include("<yellow:404>");
    expect(logRow(layout, taggedStyle, longest)).to.include("<red:502>");
  });

  it("prints lines of the error log as they are, made harmless, behind the server when there are several", () => {
    const error = { message: 'time=… level=ERROR msg="x"\x1b[2J' };
    expect(errorRow(logLayout(80, ["a:1"]), plainStyle, error, "a:1")).to.equal(
      'time=… level=ERROR msg="x"\\x1b[2J',
    );
    expect(errorRow(logLayout(undefined, ["a:1", "bb:22"]), plainStyle, error, "a:1")).to.match(
      /^a:1 {4}time=/,
    );
  });
});

describe("cli/log/json", () => {
  it("re-encodes events in the wire's form, time in nanoseconds", () => {
    expect(auditJson(event)).to.equal(
      `{"time":"${TIME}","request":{"ip":"10.1.2.3","path":"/v1/key/generate/my-minio-key","identity":"${IDENTITY}"},"response":{"code":200,"time":1234567}}`,
    );
    const request = { path: "/", id: "r1", method: "GET" };
    expect(JSON.parse(auditJson({ ...bare, request }, "a:1"))).to.deep.equal({
      ...{ server: "a:1", time: "never" },
      ...{ request, response: { code: 404, time: 0 } },
    });
  });

  it("leaves no control character in a line", () => {
    expect(auditJson(bare)).to.include('"/\\u001b[2J"');
    expect(errorJson({ message: "a\nb" }, "a:1")).to.equal('{"server":"a:1","message":"a\\nb"}');
    expect(errorJson({ message: "a" })).to.equal('{"message":"a"}');
  });
});
