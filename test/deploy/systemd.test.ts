import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { expect } from "chai";
import { run } from "../support/child-process.js";
import { requireService } from "../support/services/index.js";

const unit = resolve(import.meta.dirname, "../../deploy/systemd/kes.service");

describe("deploy/systemd/kes.service", function () {
  this.timeout(60_000);

  it("is rated as well protected by systemd itself", async function () {
    const program = requireService(this, "systemd-analyze");
    const { code, stdout } = await run([
      program,
      "security",
      "--offline=true",
      "--threshold=20",
      "--no-pager",
      unit,
    ]);
    const score = /Overall exposure level for kes\.service: ([\d.]+)/.exec(stdout)?.[1];
    console.log(`      exposure level ${score} of 10`);
    expect(Number(score)).to.be.lessThan(2);
    expect(code).to.equal(0);
  });

  it("holds no option that systemd does not know", async function () {
    const program = requireService(this, "systemd-analyze");
    const { stderr, stdout } = await run([program, "verify", "--man=no", unit]);
    // The program is not installed where the unit expects it.
    const complaints = `${stdout}${stderr}`
      .split("\n")
      .filter((line) => line !== "" && !line.includes("is not executable"));
    expect(complaints).to.deep.equal([]);
  });

  it("runs the program as a user without rights, and reloads it by the signal that it knows", async () => {
    const text = await readFile(unit, "utf8");
    for (const line of [
      "User=kes",
      "NoNewPrivileges=yes",
      "CapabilityBoundingSet=",
      "ProtectSystem=strict",
      "LimitCORE=0",
      "MemorySwapMax=0",
      "ExecReload=/bin/kill -HUP $MAINPID",
    ])
      expect(text.split("\n")).to.include(line);
  });
});
