import { expect } from "chai";
import { overviewLines } from "../../../../src/cli/status/overview.js";
import type { ServerReport } from "../../../../src/cli/status/report.js";
import { widthOf } from "../../../../src/cli/terminal/text.js";
import { fakeStatus } from "../../../support/fake-server.js";
import { plainStyle, taggedStyle } from "../../../support/plain-style.js";

const nowMs = Date.parse("2026-06-01T00:00:00Z");
const text = { style: plainStyle, width: 80, nowMs };
const node = (server: string, own: Parameters<typeof fakeStatus>[0] = {}): ServerReport => ({
  ...{ server, status: fakeStatus(own), latencyMs: 1.6 },
});
const down: ServerReport = {
  server: "10.0.0.2:7373",
  failure: { message: "cannot reach key server https://kes.test:7373: connection refused", hints: [] },
  answered: false,
};

describe("cli/status/overview", () => {
  it("has a row for each node, and why one is down", () => {
    expect(overviewLines([node("10.0.0.1:7373"), down], text)).to.deep.equal([
      "Node           Status  Version  Uptime  Latency    Heap  Keystore",
      "10.0.0.1:7373  up      1.2.3     1d 2h      2ms  31.2MB  ok, 3ms",
      "10.0.0.2:7373  down",
      "",
      "10.0.0.2:7373: cannot reach key server https://kes.test:7373: connection refused",
    ]);
  });

  it("tells what answers from what does not, and what works from what does not", () => {
    const refused = { ...down, answered: true };
    const impaired = node("10.0.0.3:7373", { keystoreUnavailable: true, keystoreUnreachable: true });
    const lines = overviewLines([refused, impaired, node("a:1"), down], { ...text, style: taggedStyle });
    expect(lines[1]).to.match(/<red:refused>/);
    expect(lines[2]).to.match(/<yellow:impaired>.*<red:not reachable>/);
    expect(lines[3]).to.match(/<green:up>/);
    expect(lines[4]).to.match(/<red:down>/);
  });

  it("shows certificates that end, and versions that differ", () => {
    const certificates = [
      { use: "policy.minio", identity: "a".repeat(64), expiresAt: "2026-06-03T00:00:00Z" },
      { use: "admin", identity: "a".repeat(64), expiresAt: "2027-06-03T00:00:00Z" },
      { use: "policy.old", identity: "a".repeat(64), expiresAt: "2026-05-30T00:00:00Z" },
    ];
    const lines = overviewLines([node("a:1", { certificates }), node("b:1", { version: "1.2.4" })], text);
    expect(lines.slice(3)).to.deep.equal([
      "",
      "a:1: certificate 'policy.old' ended 2d ago (2026-05-30)",
      "a:1: certificate 'policy.minio' ends in 2d (2026-06-03)",
      "",
      "The nodes have different versions: 1.2.3 (1), 1.2.4 (1)",
    ]);
  });

  it("stays within the width, and shows nothing of a server's making as anything but text", () => {
    const long = node(`${"node-".repeat(20)}.example.com:7373`, { version: `\x1b[2J${"v".repeat(50)}` });
    for (const width of [60, 80]) {
      const lines = overviewLines([long, down], { ...text, width });
      for (const line of lines) expect(widthOf(line), line).to.be.at.most(width);
      expect(lines.join("\n")).to.not.match(/(?!\n)\p{Cc}/u);
    }
  });
});
