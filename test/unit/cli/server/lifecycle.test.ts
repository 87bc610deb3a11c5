import { expect } from "chai";
import { runUntilStopped } from "../../../../src/cli/server/lifecycle.js";
import type { Config } from "../../../../src/config/config.js";
import { ConfigError } from "../../../../src/errors.js";
import { captured } from "../../../support/captured-output.js";

const load = (): Promise<Config> => Promise.reject(new Error("the server reads it, not the signal"));

/** Runs with a server that notes what it is asked, and a clock that the test moves. */
function started(failure?: Error) {
  const asked: string[] = [];
  const { context, stdout, stderr } = captured();
  const timers: { callback: () => void; ms: number }[] = [];
  const note = (what: string): Promise<void> => {
    asked.push(what);
    return failure === undefined ? Promise.resolve() : Promise.reject(failure);
  };
  const ended = runUntilStopped(
    {
      reload: () => note("reload"),
      refreshTls: () => note("refreshTls"),
      rotateAudit: () => note("rotateAudit"),
      close: async () => void asked.push("close"),
    },
    {
      output: context.output,
      load,
      announce: (last) => context.output.data(`${last}\n`),
      exit: () => undefined,
      every: (callback, ms) => {
        timers.push({ callback, ms });
        return setTimeout(() => undefined, 0);
      },
    },
  );
  const stop = async (): Promise<number> => {
    process.emit("SIGTERM");
    return ended;
  };
  return { asked, stdout, stderr, timers, stop };
}

describe("cli/server/lifecycle", () => {
  afterEach(() => {
    process.removeAllListeners("SIGHUP");
    process.removeAllListeners("SIGUSR1");
  });

  it("rotates the audit file on SIGUSR1, and never starts the debugger", async () => {
    const { asked, stop } = started();
    process.emit("SIGUSR1");
    await new Promise(setImmediate);
    expect(asked).to.deep.equal(["rotateAudit"]);
    await stop();
  });

  it("says what keeps the audit file from being rotated", async () => {
    const { stop, stderr } = started(new Error("disk is full"));
    process.emit("SIGUSR1");
    await new Promise(setImmediate);
    expect(stderr()).to.include("Failed to rotate the audit file: disk is full");
    await stop();
  });

  it("reads certificates again every 15 minutes, and nothing else", async () => {
    const { asked, timers, stop, stderr } = started();
    expect(timers.map(({ ms }) => ms)).to.deep.equal([15 * 60_000]);
    timers[0]?.callback();
    timers[0]?.callback();
    expect(asked).to.deep.equal(["refreshTls", "refreshTls"]);
    expect(await stop()).to.equal(0);
    expect(stderr()).to.equal("");
  });

  it("says what keeps certificates from being read, and goes on", async () => {
    const fault = { file: "server.crt", message: "no such file" };
    const { timers, stop, stderr } = started(new ConfigError([fault]));
    timers[0]?.callback();
    await new Promise(setImmediate);
    expect(stderr()).to.include("Failed to reload TLS configuration: server.crt: no such file");
    expect(await stop()).to.equal(0);
  });

  it("reloads on SIGHUP, and says when it is done", async () => {
    const { asked, stdout, stop } = started();
    process.emit("SIGHUP");
    await new Promise(setImmediate);
    expect(asked).to.deep.equal(["reload"]);
    expect(stdout()).to.include("=> Reloading configuration after SIGHUP signal completed.");
    await stop();
  });

  it("closes the server on SIGTERM, says goodbye and gives 0", async () => {
    const { asked, stdout, stop } = started();
    expect(await stop()).to.equal(0);
    expect(asked).to.deep.equal(["close"]);
    expect(stdout()).to.equal("\n=> Stopping server... Goodbye.\n");
  });
});
