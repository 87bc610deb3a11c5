/** The audit file of real servers: one chain of several workers, signals, full disks, kills, collectors, the commands. */
import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createServer as createHttps } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createServer as createTls } from "node:tls";
import { expect } from "chai";
import { killAgainAndAgain } from "../../bench/audit-proof/kill.js";
import { selfSigned } from "../support/certificates.js";
import { type RunResult, run, until } from "../support/child-process.js";
import { CleanUp } from "../support/clean-up.js";
import { type CliServer, type CliSite, makeCliSite, startCliServer } from "../support/cli-site.js";
import { type Answer, overHttp2 } from "../support/send.js";
import { kesProgram } from "../support/started-site.js";

describe("the audit file of a server", function () {
  this.timeout(60_000);
  let cleanUp: CleanUp;
  let site: CliSite;
  let log: string;
  let key: string;
  beforeEach(async () => {
    cleanUp = new CleanUp();
    site = await makeCliSite();
    cleanUp.add(() => site.remove());
    log = join(site.folder, "audit.log");
    key = join(site.folder, "audit.pub");
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    await writeFile(join(site.folder, "audit.key"), privateKey.export({ type: "pkcs8", format: "pem" }), {
      mode: 0o600,
    });
    await writeFile(key, publicKey.export({ type: "spki", format: "pem" }));
  });
  afterEach(() => cleanUp.run());

  const audit = (more: string, path = log): string =>
    `audit:\n  file: { path: ${path}, key: ${join(site.folder, "audit.key")} }\n${more}`;
  const start = async (sections: Parameters<CliSite["configure"]>[0]): Promise<CliServer> => {
    await site.configure(sections);
    const server = await startCliServer(site);
    cleanUp.add(() => server.process.stop());
    return server;
  };
  const put = (server: CliServer, path: string, body?: object): Promise<Answer> =>
    overHttp2(server, site.admin, {
      method: "PUT",
      path,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const kes = (...args: string[]): Promise<RunResult> => run([...kesProgram, ...args], { cwd: site.folder });
  const logFiles = async (): Promise<string[]> =>
    (await readdir(site.folder)).filter((name) => /^audit\.log(\.\d+)?$/.test(name)).sort();

  it("is one chain of all workers, follows signals, and is verified and shown by the commands", async () => {
    const server = await start({ server: "server:\n  workers: 2\n", more: audit("  required: true\n") });
    expect((await put(server, "/v1/key/create/my-key")).status).to.equal(200);
    const answers = await Promise.all(
      Array.from({ length: 40 }, () => put(server, "/v1/key/generate/my-key")),
    );
    expect(new Set(answers.map(({ status }) => status))).to.deep.equal(new Set([200]));
    expect((await put(server, "/v1/key/generate/none")).status).to.equal(404);

    server.process.signal("SIGUSR1");
    await until("the file is rotated", async () => (await logFiles()).length === 2);
    expect((await put(server, "/v1/key/generate/my-key")).status).to.equal(200);
    // As logrotate does it.
    await rename(log, join(site.folder, "audit.log.1"));
    server.process.signal("SIGHUP");
    await until("a new file is begun", async () => (await logFiles()).includes("audit.log"));
    expect((await put(server, "/v1/key/generate/my-key")).status).to.equal(200);
    expect(await server.process.stop()).to.equal(0);

    const files = await logFiles();
    const whole = await kes("audit", "verify", "--key", "audit.pub", "--json", ...files);
    expect([whole.code, whole.stderr], whole.stdout).to.deep.equal([0, ""]);
    const report = JSON.parse(whole.stdout);
    expect(report).to.deep.include({
      ok: true,
      findings: [],
      unsigned: 0,
      closed: true,
      signatures_checked: true,
      proved_by_signature: true,
    });
    expect(files).to.have.length(3);
    const ids = (await Promise.all(files.map((name) => readFile(join(site.folder, name), "utf8")))).join("");
    for (const { headers } of answers) expect(ids).to.include(`"id":"${String(headers["x-request-id"])}"`);

    const shown = await kes("audit", "show", "--key", "my-*", "--status", "200", "--json", ...files);
    expect(shown.stdout.trimEnd().split("\n")).to.have.length(43);
    const table = await kes("audit", "show", "--status", ">=400", ...files);
    expect(table.stdout).to.match(/^Time +Code +Identity +Request +Latency\n\S+ \S+ +404 .*generate\/none/);
    expect(table.stdout.trimEnd().split("\n")).to.have.length(2);

    // Somebody makes a refusal of it.
    const text = await readFile(log, "utf8");
    await writeFile(log, text.replace('"code":200', '"code":403'));
    const line = text.split("\n").findIndex((one) => one.includes('"code":200')) + 1;
    const bad = await kes("audit", "verify", "--key", "audit.pub", ...files);
    expect(bad.code).to.equal(1);
    expect(bad.stdout).to.match(new RegExp(`^audit\\.log:${line}: changed: record \\d+ was changed`));
    await writeFile(log, text);
    await rm(join(site.folder, "audit.log.1"));
    const short = await kes("audit", "verify", "--key", "audit.pub", ...(await logFiles()));
    expect(short.stdout).to.match(
      /^audit\.log:1: missing: \d+ records are missing between the end of audit\.log\.000000000001/,
    );
    // An earlier head tells a log that was cut.
    const head = `${report.head.seq}:${report.head.hash}`;
    await writeFile(log, `${text.split("\n").slice(0, 2).join("\n")}\n`);
    await rm(`${log}.head`);
    const cut = await kes("audit", "verify", "--key", "audit.pub", "--head", head, "audit.log");
    expect(cut.stdout)
      .to.include("truncated: the chain ends at record")
      .and.include("Verdict     1 finding\n");
    // So does a log without any signature, which anybody could have written.
    const unsigned = await kes("audit", "verify", "--key", "audit.pub", "audit.log");
    expect(unsigned.code).to.equal(1);
    expect(unsigned.stdout).to.match(/^audit\.log: unsigned: no checkpoint is signed by the key/);
    expect(unsigned.stderr).to.include("kes: nothing is signed by the key: the signature proves nothing");
    const allowed = await kes("audit", "verify", "--key", "audit.pub", "--allow-unsigned", "audit.log");
    expect(allowed.code).to.equal(0);
    expect(allowed.stdout).to.include("Verdict     whole, but nothing is signed\n");
    expect(allowed.stderr).to.match(/^kes: nothing is signed by the key: the signature proves nothing.*\n$/);
    const json = await kes("audit", "verify", "--key", "audit.pub", "--json", "audit.log");
    expect(json.code).to.equal(1);
    expect(JSON.parse(json.stdout)).to.deep.include({ ok: false, proved_by_signature: false });
    const keyless = await kes("audit", "verify", "audit.log");
    expect({ code: keyless.code, stderr: keyless.stderr }).to.deep.equal({ code: 0, stderr: "" });
  });

  it("refuses what cannot be recorded on a full disk, with 503, and serves again when there is room", async function () {
    const mount = join(site.folder, "disk");
    await mkdir(mount);
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k,mode=700", "none", mount], { stdio: "pipe" });
    } catch {
      console.log("      skipped: mounting a tmpfs is not permitted here");
      return this.skip();
    }
    cleanUp.add(async () => execFileSync("umount", ["-l", mount], { stdio: "pipe" }));
    const path = join(mount, "audit.log");
    const server = await start({ more: audit("  required: true\n", path) });
    await put(server, "/v1/key/create/k");
    await writeFile(join(mount, "ballast"), Buffer.alloc(40 * 1024));
    let last: Answer | undefined;
    let given = 0;
    for (; last?.status !== 503 && given < 300; given++) last = await put(server, "/v1/key/generate/k");
    expect(last?.status).to.equal(503);
    expect(JSON.parse(last?.body ?? "")).to.deep.equal({ message: "audit log is unavailable" });
    expect((await put(server, "/v1/key/create/new")).status).to.equal(503);
    expect(await readdir(join(site.folder, "keys"))).to.not.include("new");
    const ready = await overHttp2(server, site.admin, { method: "GET", path: "/v1/status" });
    expect(ready.status).to.equal(200);
    expect(server.process.stderr).to.include("requests for keys are refused").and.include("ENOSPC");

    await rm(join(mount, "ballast"));
    await until("it serves again", async () => (await put(server, "/v1/key/generate/k")).status === 200);
    await server.process.stop();
    const { code, stdout } = await kes("audit", "verify", "--key", "audit.pub", "--json", path);
    expect(code, stdout).to.equal(0);
    const text = await readFile(path, "utf8");
    expect(text.match(/"path":"\/v1\/key\/generate\/k".*"code":200/g)?.length).to.equal(given);
    expect(JSON.parse(stdout).notices.map(({ event }: { event: string }) => event)).to.include("lost");
  });

  it("goes on without records where they are not required, and says how many are lost", async function () {
    const mount = join(site.folder, "disk");
    await mkdir(mount);
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=32k,mode=700", "none", mount], { stdio: "pipe" });
    } catch {
      console.log("      skipped: mounting a tmpfs is not permitted here");
      return this.skip();
    }
    cleanUp.add(async () => execFileSync("umount", ["-l", mount], { stdio: "pipe" }));
    const path = join(mount, "audit.log");
    const server = await start({ more: audit("", path) });
    await put(server, "/v1/key/create/k");
    await writeFile(join(mount, "ballast"), Buffer.alloc(24 * 1024)).catch(() => undefined);
    await until("records are lost", async () => {
      expect((await put(server, "/v1/key/generate/k")).status).to.equal(200);
      return server.process.stderr.includes("requests go unrecorded");
    });
    for (let n = 0; n < 10; n++) expect((await put(server, "/v1/key/generate/k")).status).to.equal(200);
    await rm(join(mount, "ballast"));
    await until("records are written again", async () => {
      await put(server, "/v1/key/generate/k");
      return server.process.stderr.includes("records are written again");
    });
    await server.process.stop();
    const { code, stdout } = await kes("audit", "verify", "--key", "audit.pub", "--json", path);
    expect(code, stdout).to.equal(0);
    const lost = JSON.parse(stdout).notices.filter(({ event }: { event: string }) => event === "lost");
    expect(
      lost.reduce((sum: number, { records }: { records: number }) => sum + records, 0),
    ).to.be.greaterThan(10);
  });

  it("survives kills, with every record that was acknowledged", async () => {
    const folder = join(site.folder, "kill");
    await mkdir(folder);
    let seed = 7;
    const result = await killAgainAndAgain(folder, 3, (n) => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return (seed >>> 8) % n;
    });
    expect(result.faults).to.deep.equal([]);
    expect(result.acknowledged).to.be.greaterThan(3);
  });

  it("is sent to a syslog server over TLS and to a web service, line by line", async () => {
    const collector = selfSigned({ algorithm: "p256", sans: ["localhost", "127.0.0.1"] });
    const tls = { key: collector.keyPem, cert: collector.certPem };
    const caFile = join(site.folder, "collector.crt");
    await writeFile(caFile, collector.certPem);
    let syslogText = "";
    const syslog = createTls(tls, (socket) =>
      socket.on("data", (data) => (syslogText += data.toString("latin1"))),
    );
    const posts: { authorization: string | undefined; type: string | undefined; body: string }[] = [];
    const webhook = createHttps(tls, (request, response) => {
      let body = "";
      request.on("data", (data) => (body += data));
      request.on("end", () => {
        const { authorization, "content-type": type } = request.headers;
        // The first is refused, so that it comes once more.
        const isFirst = posts.length === 0;
        posts.push({ authorization, type, body });
        response.writeHead(isFirst ? 503 : 204).end();
      });
    });
    for (const one of [syslog, webhook]) {
      await new Promise<void>((resolve) => one.listen(0, "127.0.0.1", resolve));
      cleanUp.add(async () => void one.close());
    }
    const portOf = (one: typeof syslog): number => (one.address() as AddressInfo).port;
    const more = audit(
      `  syslog: { address: "tls://localhost:${portOf(syslog)}", ca: ${caFile} }\n` +
        `  webhook: { url: "https://localhost:${portOf(webhook)}/in", ca: ${caFile}, authorization: Bearer secret }\n`,
    );
    const server = await start({ more });
    await put(server, "/v1/key/create/k");
    await until("lines arrive", async () => {
      await put(server, "/v1/key/generate/k");
      return posts.length > 2 && syslogText.includes("/v1/key/generate/k");
    });
    const [first, second] = posts;
    expect(first).to.include({ authorization: "Bearer secret", type: "application/x-ndjson" });
    expect(second?.body.startsWith(first?.body ?? "-")).to.equal(true);
    const file = await readFile(log, "utf8");
    for (const line of (second?.body ?? "").trimEnd().split("\n")) expect(file).to.include(`${line}\n`);

    let rest = syslogText;
    let messages = 0;
    while (rest.length > 0) {
      const [prefix = "", length = ""] = /^(\d+) /.exec(rest) ?? [];
      const message = rest.slice(prefix.length, prefix.length + Number(length));
      if (message.length < Number(length)) break;
      expect(message).to.match(
        /^<13[24]>1 \d{4}-\d\d-\d\dT[\d:.]+Z \S+ keswick \d+ (request|notice|header|checkpoint) - \{"seq":\d+,/,
      );
      expect(file).to.include(message.slice(message.indexOf("{")));
      rest = rest.slice(prefix.length + Number(length));
      messages++;
    }
    expect(messages).to.be.greaterThan(1);
    expect(server.process.output).to.not.include("secret");
  });
});
