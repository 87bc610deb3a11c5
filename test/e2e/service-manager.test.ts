import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { ApiClient } from "../support/api-client.js";
import { freePort, RunningProcess, run, until } from "../support/child-process.js";
import { type CliSite, makeCliSite } from "../support/cli-site.js";
import { kesProgram } from "../support/started-site.js";

const isUp = async ({ stdout }: RunningProcess): Promise<boolean> =>
  stdout.includes("=> Server is up and running...");

describe("e2e: a server under a service manager", function () {
  this.timeout(60_000);
  let site: CliSite;
  before(async () => {
    site = await makeCliSite();
    await site.configure({ server: "server:\n  workers: 2\n" });
  });
  after(() => site.remove());

  it("says that it is ready, alive and stopping", async function () {
    const found = await run(["/bin/sh", "-c", "command -v systemd-notify && command -v python3"]);
    if (found.code !== 0) {
      console.log("        skipped: systemd-notify and python3 are needed");
      this.skip();
    }
    const folder = await mkdtemp(join(tmpdir(), "keswick-notify-"));
    const socket = join(folder, "notify");
    const receiver = await RunningProcess.start(
      ["python3", join(import.meta.dirname, "../support/notify_socket.py"), socket],
      async ({ stdout }) => stdout.includes("bound"),
    );
    const words = ["server", "--config", site.configFile, "--addr", "127.0.0.1:0"];
    const server = await RunningProcess.start([...kesProgram, ...words], isUp, {
      env: { NOTIFY_SOCKET: socket, WATCHDOG_USEC: "400000" },
    });
    try {
      await until("READY", async () => receiver.stdout.includes(`READY=1 MAINPID=${server.pid}`));
      await until("signs of life", async () => receiver.stdout.split("WATCHDOG=1").length > 3);
      expect(await server.stop()).to.equal(0);
      await until("the end", async () => receiver.stdout.includes("STOPPING=1"));
      expect(server.stderr).to.not.include("systemd could not be told");
    } finally {
      await server.stop();
      await receiver.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });

  it("serves on when the program that tells it is missing, and says so once", async () => {
    const server = await RunningProcess.start(
      [...kesProgram, "server", "--config", site.configFile, "--addr", "127.0.0.1:0"],
      isUp,
      { env: { NOTIFY_SOCKET: "/nowhere", WATCHDOG_USEC: "200000", PATH: "/nowhere" } },
    );
    await until("the warning", async () => server.stderr.includes("systemd could not be told"));
    expect(await server.stop()).to.equal(0);
    expect(server.stderr.split("systemd could not be told")).to.have.length(2);
  });

  it("takes the socket of a socket unit, and tells the service manager as its unit asks for", async function () {
    const programs = "command -v systemd-socket-activate && command -v systemd-notify && command -v python3";
    if ((await run(["/bin/sh", "-c", programs])).code !== 0) {
      console.log("        skipped: systemd-socket-activate, systemd-notify and python3 are needed");
      this.skip();
    }
    const folder = await mkdtemp(join(tmpdir(), "keswick-socket-"));
    const socket = join(folder, "notify");
    const receiver = await RunningProcess.start(
      ["python3", join(import.meta.dirname, "../support/notify_socket.py"), socket],
      async ({ stdout }) => stdout.includes("bound"),
    );
    const port = await freePort();
    // It becomes the server at the first connection; LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES are systemd's own.
    const server = await RunningProcess.start(
      [
        "systemd-socket-activate",
        ...[`--listen=127.0.0.1:${port}`, "--fdname=kes"],
        ...["-E", `NOTIFY_SOCKET=${socket}`, "-E", "WATCHDOG_USEC=400000"],
        ...[...kesProgram, "server", "--config", site.configFile],
      ],
      async ({ stderr }) => stderr.includes("Listening on"),
    );
    try {
      const admin = new ApiClient("h1", port, site.admin);
      await admin.ok("PUT", "/v1/key/create/activated");
      await until("READY", async () => receiver.stdout.includes(`READY=1 MAINPID=${server.pid}`));
      await until("signs of life", async () => receiver.stdout.split("WATCHDOG=1").length > 3);
      // The address of the configuration does not count.
      expect(server.stdout).to.include(`https://127.0.0.1:${port}\n`);
      expect(await server.stop()).to.equal(0);
      await until("the end", async () => receiver.stdout.includes("STOPPING=1"));
    } finally {
      await server.stop();
      await receiver.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });

  it("hands over from one to the next without a connection that fails", async function () {
    if ((await run(["/bin/sh", "-c", "command -v python3"])).code !== 0) {
      console.log("        skipped: python3 is needed");
      this.skip();
    }
    const script = join(import.meta.dirname, "../support/socket_holder.py");
    const words = [...kesProgram, "server", "--config", site.configFile];
    const holder = spawn("python3", [script, ...words], { stdio: ["pipe", "pipe", "inherit"] });
    let text = "";
    holder.stdout.setEncoding("utf8").on("data", (data: string) => {
      text += data;
    });
    try {
      await until("the port", async () => /^port \d+$/m.test(text));
      const port = Number(/^port (\d+)$/m.exec(text)?.[1]);
      const start = async (): Promise<void> => {
        const up = (): number => text.split("=> Server is up and running...").length;
        const before = up();
        holder.stdin.write("start\n");
        await until("the server", async () => up() > before);
      };
      await start();
      expect(text).to.include(`https://127.0.0.1:${port}\n`);
      const admin = new ApiClient("h1", port, site.admin);
      await admin.ok("PUT", "/v1/key/create/handed");
      const outcomes: string[] = [];
      let isOver = false;
      const load = Array.from({ length: 4 }, async () => {
        while (!isOver) {
          const sent = admin.send({ method: "PUT", path: "/v1/key/generate/handed" });
          outcomes.push(
            await sent.then(
              ({ status }) => String(status),
              (error: unknown) => String(error),
            ),
          );
        }
      });
      const more = async (): Promise<void> => {
        const before = outcomes.length;
        await until("answers", async () => outcomes.length > before + 10);
      };
      await more();
      await start();
      await more();
      holder.stdin.write("stop\n");
      await until("the end of the first", async () => text.includes("ended with 0"));
      await more();
      isOver = true;
      await Promise.all(load);
      expect([...new Set(outcomes)]).to.deep.equal(["200"]);
    } finally {
      const gone = once(holder, "exit");
      holder.stdin.end();
      await gone;
    }
  });
});
