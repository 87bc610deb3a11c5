import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { expect } from "chai";
import { DEFAULT_PORT } from "../../src/client/endpoints.js";
import { run } from "../support/child-process.js";
import { requireService } from "../support/services/index.js";

const folder = resolve(import.meta.dirname, "../../deploy/systemd");
const unit = resolve(folder, "kes.service");
const socket = resolve(folder, "kes.socket");

/** Lines that set something. */
async function linesOf(file: string): Promise<readonly string[]> {
  const text = await readFile(file, "utf8");
  return text.split("\n").filter((line) => /^\w+=/.test(line));
}

describe("deploy/systemd", function () {
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

  it("holds no option that systemd does not know, and a socket that finds its service", async function () {
    const program = requireService(this, "systemd-analyze");
    const { stderr, stdout } = await run([program, "verify", "--man=no", unit, socket]);
    // The program is not installed where the unit expects it.
    const complaints = `${stdout}${stderr}`
      .split("\n")
      .filter((line) => line !== "" && !line.includes("is not executable"));
    expect(complaints).to.deep.equal([]);
  });

  it("runs the program as a user without rights, and reloads it by the signal that it knows", async () => {
    const lines = await linesOf(unit);
    for (const line of [
      "User=kes",
      "NoNewPrivileges=yes",
      "CapabilityBoundingSet=",
      "ProtectSystem=strict",
      "LimitCORE=0",
      "MemorySwapMax=0",
      "ExecReload=/bin/kill -HUP $MAINPID",
    ])
      expect(lines).to.include(line);
  });

  it("waits for what the server says, and listens where clients ask by default", async () => {
    const service = await linesOf(unit);
    // What tells systemd is a program of its own, not the service's main process.
    expect(service).to.include.members(["Type=notify", "NotifyAccess=all", "WatchdogSec=30"]);
    // More than one socket is refused by the server.
    const sockets = (await linesOf(socket)).filter((line) => line.startsWith("Listen"));
    expect(sockets).to.deep.equal([`ListenStream=${DEFAULT_PORT}`]);
  });
});
