/** `kes-s3 start` on a fresh checkout, as `npm run start:s3` runs it: key server, S3 server, lines to paste, an orderly end. */
import { readFile, stat } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import { freePort, RunningProcess } from "../support/child-process.js";
import { s3Ask } from "../support/s3-client.js";
import { s3Program } from "../support/s3-process.js";
import { type Checkout, makeCheckout } from "../support/started-site.js";

const READY_TIMEOUT_MS = 120_000;

describe("kes-s3 start", function () {
  this.timeout(400_000);
  let checkout: Checkout;
  let ports: { s3: number; keys: number };

  before(async () => {
    checkout = await makeCheckout();
    ports = { s3: await freePort(), keys: await freePort() };
  });

  // In order, whatever went wrong: killed, it would leave its key server behind.
  after(async () => {
    for (const running of begun) await end(running);
    await checkout.remove();
  });

  const begun: RunningProcess[] = [];
  const start = async (): Promise<RunningProcess> => {
    const running = await RunningProcess.start(
      [
        ...s3Program,
        "start",
        "--address",
        `127.0.0.1:${ports.s3}`,
        "--key-server",
        `127.0.0.1:${ports.keys}`,
      ],
      async ({ stdout }) => stdout.includes("restic backup"),
      { cwd: checkout.folder, readyTimeoutMs: READY_TIMEOUT_MS },
    );
    begun.push(running);
    return running;
  };
  const end = async (running: RunningProcess): Promise<number | null> => {
    running.signal("SIGTERM");
    return running.ended;
  };

  it("goes from nothing to encrypted objects, and from there to the same objects again", async () => {
    const first = await start();
    const file = join(checkout.folder, ".keswick", "s3-root.env");
    expect((await stat(file)).mode & 0o777).to.equal(0o600);
    const [, user = "", password = ""] =
      /^MINIO_ROOT_USER=(.+)\nMINIO_ROOT_PASSWORD=(.+)\n$/.exec(await readFile(file, "utf8")) ?? [];
    expect(first.stdout).to.contain(`  ${user}\n  ${password}\n`);
    for (const line of [
      "aws s3 mb s3://photos",
      "mc encrypt set sse-kms my-minio-key",
      "rclone copy",
      "restic init",
    ]) {
      expect(first.stdout).to.contain(line);
    }
    expect(first.stdout).to.contain(`. '${file}'`);
    expect(first.stdout.split(password)).to.have.lengthOf(2);

    const endpoint = { host: "127.0.0.1", port: ports.s3 };
    const login = { user, password };
    await s3Ask(endpoint, login, "PUT", "/bucket");
    const kms = { "x-amz-server-side-encryption": "aws:kms" };
    const put = await s3Ask(endpoint, login, "PUT", "/bucket/k", { body: "secret", headers: kms });
    expect(put.headers["x-amz-server-side-encryption-aws-kms-key-id"], put.text).to.equal("my-minio-key");
    expect(await end(first)).to.equal(0);
    expect(await isOpen(ports.s3)).to.equal(false);
    expect(await isOpen(ports.keys)).to.equal(false);

    const second = await start();
    expect(second.output).not.to.contain(password);
    expect((await s3Ask(endpoint, login, "GET", "/bucket/k")).text).to.equal("secret");
    expect(await end(second)).to.equal(0);
    expect(await isOpen(ports.keys)).to.equal(false);
  });
});

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
