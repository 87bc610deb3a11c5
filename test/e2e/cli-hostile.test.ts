/** A server that wants to write on the terminal of whoever asks it. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { commands } from "../../src/cli/commands.js";
import { run } from "../../src/cli/run.js";
import { captured } from "../support/captured-output.js";
import { selfSigned } from "../support/certificates.js";
import { type RecordingServer, startRecordingServer } from "../support/recording-server.js";

/** What passes for a line of text: a sequence that begins in UTF-8's eight bits is refused as a control character. */
const LINE = "\u202egnp.yek\u2066\u200b\u2028\u{e0041}";
const TEXT = `\u001b]0;owned\u0007\u009b2J\r\n${LINE}`;
const DATE = "2024-01-01T00:00:00Z";
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what the sequences begin with
const STYLES = /\u001b\[[0-9;]*m/g;
const rules = { allow: { [LINE]: {} }, deny: { [LINE]: {} } };
const made = { created_at: DATE, created_by: LINE };
const status = {
  ...{ version: LINE, os: LINE, arch: LINE, uptime: 1e300, keystore_latency: 1e300, mem_heap_used: 1e300 },
  certificates: [{ use: LINE, identity: LINE, expires_at: DATE }],
  ...{ server: "another:7373", odd: TEXT },
};
const answers: Readonly<Record<string, unknown>> = {
  "/v1/status": status,
  "/v1/api": [{ method: LINE, path: LINE, max_body: 1e300, timeout: 1e300 }],
  "/v1/key/list/": { names: [LINE, `my-${LINE}`], continue_at: "" },
  "/v1/policy/list/": { names: [LINE], continue_at: "" },
  "/v1/identity/list/": { identities: [LINE], continue_at: "" },
  "/v1/key/describe/my-key": { name: "my-key", id: LINE, algorithm: LINE, ...made },
  "/v1/policy/describe/p": { name: "p", ...made },
  "/v1/policy/read/p": { name: "p", ...rules, ...made },
  "/v1/identity/self/describe": { identity: LINE, policy: LINE, ...rules, ...made },
  "/v1/identity/describe/id": { identity: "id", policy: LINE, ...made },
};
const metrics = `kes_x{a="${LINE}"} 1\nkes_system_up_time 1e300\nkes_http_request_success 1e300\n`;
const event = (path: string): string =>
  `${JSON.stringify({
    time: DATE,
    request: { ip: TEXT, path, identity: TEXT, id: TEXT, method: TEXT },
    response: { code: 200, time: 1e300 },
  })}\n`;

const lines: readonly string[] = [
  "status",
  "status --short",
  "status --api",
  "status --json",
  "status --api --json",
  "key ls",
  "key ls --json",
  "policy ls",
  "identity ls",
  "ls --json",
  "key info my-key",
  "key info my-key --json",
  "key info missing",
  "key rm --force missing",
  "policy info p",
  "policy show p",
  "policy show p --json",
  "identity info",
  "identity info --json",
  "identity info id",
  "policy explain --path /v1/status",
  "log --count 2",
  "log --count 2 --json",
  "log --error --count 2",
  "log --error --count 2 --json",
];

describe("cli: a hostile server", () => {
  let server: RecordingServer;
  let folder: string;
  before(async () => {
    server = await startRecordingServer();
    folder = await mkdtemp(join(tmpdir(), "keswick-hostile-"));
    const client = selfSigned({ cn: "client" });
    await writeFile(join(folder, "client.crt"), client.certPem);
    await writeFile(join(folder, "client.key"), client.keyPem, { mode: 0o600 });
    await writeFile(join(folder, "ca.crt"), server.ca.certPem);
    server.handle = (call) => {
      if (call.path.startsWith("/v1/log/")) {
        call.begin(200, "application/x-ndjson");
        const isAudit = call.path === "/v1/log/audit";
        call.write(
          isAudit
            ? event(TEXT) + event("/v1/key/create/a")
            : `${JSON.stringify({ message: TEXT })}\n`.repeat(2),
        );
        return;
      }
      if (call.path === "/v1/metrics") return call.reply(200, metrics);
      const known = Object.keys(answers).find((path) => call.path.startsWith(path));
      if (known === undefined) return call.reply(404, JSON.stringify({ message: TEXT }));
      call.reply(200, JSON.stringify(answers[known]));
    };
  });
  after(async () => {
    await server.close();
    await rm(folder, { recursive: true, force: true });
  });

  const kes = async (line: string, isTTY: boolean) => {
    const env = {
      MINIO_KES_SERVER: `127.0.0.1:${server.port}`,
      MINIO_KES_CERT_FILE: "client.crt",
      MINIO_KES_KEY_FILE: "client.key",
      MINIO_KES_CAPATH: "ca.crt",
    };
    const { context, stdout, stderr } = captured({ cwd: folder, env, isTTY });
    const code = await run(line.split(" "), commands, context);
    return { code, stdout: stdout(), stderr: stderr() };
  };

  for (const line of [...lines, "metric --count 1", "top --count 1 --rate 200ms"]) {
    for (const isTTY of /^(?:metric|top)/.test(line) ? [false] : [true, false]) {
      it(`writes nothing on a ${isTTY ? "terminal" : "pipe"} by way of kes ${line}`, async () => {
        const { stdout, stderr } = await kes(line, isTTY);
        const shown = (stdout + stderr).replace(STYLES, "");
        expect(shown).to.not.equal("");
        expect(shown).to.not.match(/[^\P{C}\n]|[\p{Zl}\p{Zp}]/u);
        if (line.includes("--json") && stdout !== "") {
          for (const text of line.startsWith("log") ? stdout.trimEnd().split("\n") : [stdout])
            JSON.parse(text);
        }
      });
    }
  }

  it("gets its text through to whoever parses JSON", async () => {
    const parsed: unknown = JSON.parse((await kes("status --json", true)).stdout);
    expect(parsed).to.include({ version: LINE, odd: TEXT });
    const log = await kes("log --count 1 --json", true);
    expect(JSON.parse(log.stdout)).to.have.nested.property("request.identity", TEXT);
  });

  it("cannot pass itself off as another", async () => {
    const second = `127.0.0.1:${server.port}`;
    const { stdout } = await kes(`status --json localhost:${server.port} ${second}`, false);
    const [, reported] = stdout.trimEnd().split("\n");
    expect(JSON.parse(reported ?? "")).to.have.property("server", second);
  });
});
