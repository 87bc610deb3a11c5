/** Three gateways behind HAProxy, while the key server and a gateway are killed: the short form of `npm run s3:gateways`. */
import { expect } from "chai";
import { printGateways } from "../../bench/s3-gateways/print.js";
import { type GatewaysReport, runGateways } from "../../bench/s3-gateways/run.js";
import { PATIENCE_MS } from "../../src/storage/keys/patient.js";
import { requireService } from "../support/services/index.js";

/** An outage that is longer than gateways wait for keys, as on a machine that is very busy, may fail an operation. */
const BEARABLE_MS = PATIENCE_MS - 1_000;

describe("e2e: three gateways, their key server killed and restarted", function () {
  this.timeout(300_000);
  let report: GatewaysReport;

  before(async function () {
    const tools = {
      minio: requireService(this, "minio"),
      haproxy: requireService(this, "haproxy"),
      openssl: requireService(this, "openssl"),
    };
    report = await runGateways({
      ...{ tools, seconds: 8, clients: 8 },
      ...{ keyServerEveryMs: 2_000, gatewayEveryMs: 4_000, random: Math.random },
      progress: () => undefined,
    });
  });

  it("killed what it was to kill, under load", () => {
    expect(report.outagesMs.length).to.be.at.least(1);
    expect(report.gatewayKills).to.be.at.least(1);
    expect(report.tally.total("done")).to.be.at.least(50);
    expect(report.objects).to.be.at.least(8);
  });

  it("gave no wrong answer, and lost nothing acknowledged", () => {
    const { tally, lost } = report;
    expect([tally.total("wrong"), lost], printGateways(report)).to.deep.equal([0, 0]);
  });

  it("failed no operation after the clients' own retries", function () {
    const failed = report.tally.total("failed");
    if (failed > 0 && Math.max(...report.outagesMs) > BEARABLE_MS) {
      console.log(`not judged: the key server took ${Math.max(...report.outagesMs)} ms to start`);
      this.skip();
    }
    expect(failed, printGateways(report)).to.equal(0);
  });
});
