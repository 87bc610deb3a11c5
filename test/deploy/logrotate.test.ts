import { access, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect } from "chai";
import { runOk } from "../support/child-process.js";
import { requireService } from "../support/services/index.js";

const file = resolve(import.meta.dirname, "../../deploy/logrotate/kes");

describe("deploy/logrotate/kes", function () {
  this.timeout(30_000);
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "keswick-logrotate-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it("moves the file away whole, makes none in its place, and tells the server", async function () {
    const program = requireService(this, "logrotate");
    const log = join(folder, "audit.log");
    await writeFile(log, "one line\n");
    const text = (await readFile(file, "utf8"))
      .replace("/var/log/kes/audit.log", log)
      // There is no such user here, and no systemd that runs.
      .replace(/^ *su .*$/m, "")
      .replace(/systemctl kill .*/, `touch ${join(folder, "told")}`);
    const config = join(folder, "config");
    await writeFile(config, text, { mode: 0o644 });
    await runOk([program, "--state", join(folder, "state"), "--force", config]);
    const moved = (await readdir(folder)).filter((name) => /^audit\.log-\d{8}-\d+$/.test(name));
    expect(moved).to.have.length(1);
    expect(await readFile(join(folder, moved[0] ?? ""), "utf8")).to.equal("one line\n");
    await access(join(folder, "told"));
    expect(await readdir(folder)).to.not.include("audit.log");
  });

  it("sends a signal that the server takes for this", async () => {
    expect(await readFile(file, "utf8")).to.match(
      /systemctl kill --kill-whom=main --signal=USR1 kes\.service/,
    );
  });
});
