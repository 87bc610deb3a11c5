import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { TLSSocket } from "node:tls";
import { promisify } from "node:util";
import { expect } from "chai";
import { startCommandWith } from "../../../../src/cli/commands/start.js";
import { makeFolder, readFolder } from "../../../../src/cli/init/folder.js";
import { layoutOf } from "../../../../src/cli/init/layout.js";
import { quickstart } from "../../../../src/cli/quickstart.js";
import { run } from "../../../../src/cli/run.js";
import type { RunServer } from "../../../../src/cli/server/serve.js";
import { identityOfCertificate } from "../../../../src/identity/certificate.js";
import { captured } from "../../../support/captured-output.js";
import { requireService } from "../../../support/services/index.js";

const LISTEN = { host: "0.0.0.0", port: 7373 };

describe("cli/commands/start", () => {
  let dir: string;
  beforeEach(async () => {
    dir = await realpath(await mkdtemp(join(tmpdir(), "keswick-start-")));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  /** Runs `kes start` in `cwd` with a server that says where it listens and stops at once. */
  async function start(cwd: string, ...argv: string[]) {
    const calls: Omit<Parameters<RunServer>[0], "onListening">[] = [];
    let beforeListening = "";
    const { context, stdout, stderr } = captured({ cwd });
    const server: RunServer = async ({ onListening, ...options }) => {
      calls.push(options);
      beforeListening = stdout();
      onListening?.(LISTEN);
      return 5;
    };
    const table = { start: { summary: "", load: async () => startCommandWith(async () => server) } };
    const code = await run(["start", ...argv], table, context);
    return { code, calls, beforeListening, out: stdout(), err: stderr() };
  }

  async function snapshot(path: string): Promise<string[]> {
    const entries = await readdir(path, { recursive: true });
    const lines = entries.map(async (name) => {
      const { mtimeMs, ino, mode } = await stat(join(path, name));
      return `${name} ${mtimeMs} ${ino} ${mode}`;
    });
    return (await Promise.all(lines)).sort();
  }

  const shown = (path: string): string =>
    quickstart(
      {
        serverCert: join(path, "server.crt"),
        adminKey: join(path, "admin.key"),
        adminCert: join(path, "admin.crt"),
        clientKey: join(path, "client.key"),
        clientCert: join(path, "client.crt"),
      },
      LISTEN,
    );

  it("initialises .keswick, runs the server, and shows the lines once it listens", async () => {
    const config = join(dir, "kes-config.yml");
    await writeFile(config, "version: v1\n");
    const first = await start(dir);
    expect(first.calls).to.deep.equal([{ configFile: config }]);
    expect(first.code).to.equal(5);
    expect(first.beforeListening).to.equal("");
    expect(first.out).to.equal(shown(join(dir, ".keswick")));
    const { admin, client } = await readFolder(await layoutOf(join(dir, ".keswick")));
    expect(first.err)
      .to.include(join(dir, ".keswick"))
      .and.include(admin.identity)
      .and.include(client.identity);

    const before = await snapshot(dir);
    const second = await start(dir, "--addr", "127.0.0.1:1");
    expect(second).to.deep.include({ code: 5, out: first.out, err: "" });
    expect(second.calls).to.deep.equal([{ configFile: config, addr: "127.0.0.1:1" }]);
    expect(await snapshot(dir)).to.deep.equal(before);
  });

  it("completes an interrupted folder", async () => {
    await writeFile(join(dir, "kes-config.yml"), "version: v1\n");
    await start(dir);
    await rm(join(dir, ".keswick", "client.crt"));
    const before = await readFile(join(dir, ".keswick", "client.key"), "utf8");
    expect((await start(dir)).code).to.equal(5);
    expect(await readFile(join(dir, ".keswick", "client.key"), "utf8")).to.equal(before);
    await readFolder(await layoutOf(join(dir, ".keswick")));
  });

  it("does not start with a folder whose keys and certificates do not match", async () => {
    await writeFile(join(dir, "kes-config.yml"), "version: v1\n");
    await start(dir);
    const other = await readFile(join(dir, ".keswick", "client.crt"));
    await writeFile(join(dir, ".keswick", "server.crt"), other);
    const { code, calls, err } = await start(dir);
    expect([code, calls]).to.deep.equal([1, []]);
    expect(err).to.include("does not belong to the private key");
  });

  it("uses the credentials beside a configuration that kes init made", async () => {
    const path = join(dir, "made");
    const options = { dns: ["localhost"], ip: [], expiryMs: 3_600_000, nowMs: Date.now() };
    await makeFolder(await layoutOf(path), { ...options, policyText: async () => "allow: []\n" });
    await mkdir(join(dir, "cwd"));
    const { out, calls } = await start(join(dir, "cwd"), "--config", join("..", "made", "kes-config.yml"));
    expect(calls).to.deep.equal([{ configFile: join(path, "kes-config.yml") }]);
    expect(out).to.equal(shown(path));
    expect(await readdir(join(dir, "cwd"))).to.deep.equal([]);
  });

  it("makes nothing for a configuration from elsewhere", async () => {
    await mkdir(join(dir, "etc"));
    await mkdir(join(dir, "cwd"));
    await writeFile(join(dir, "etc", "kes-config.yml"), "version: v1\n");
    const { code, out } = await start(join(dir, "cwd"), "--config", join(dir, "etc", "kes-config.yml"));
    expect([code, out]).to.deep.equal([5, ""]);
    expect(await readdir(join(dir, "etc"))).to.deep.equal(["kes-config.yml"]);
    expect(await readdir(join(dir, "cwd"))).to.deep.equal([]);
  });

  it("says that a configuration is missing", async () => {
    const { code, calls, err } = await start(dir, "--config", "none.yml");
    expect([code, calls]).to.deep.equal([1, []]);
    expect(err).to.equal("Error: open none.yml: no such file or directory\n");
    expect(await readdir(dir)).to.deep.equal([]);
  });

  it("shows lines that a shell and curl take as they are, also from a folder with an odd name", async function () {
    requireService(this, "curl");
    const path = join(dir, "it's: a $(false) \\folder");
    const options = { dns: ["localhost"], ip: ["127.0.0.1"], expiryMs: 3_600_000, nowMs: Date.now() };
    const layout = await layoutOf(path);
    const { certificates } = await makeFolder(layout, { ...options, policyText: async () => "allow: []\n" });
    const requests: string[] = [];
    const server = createServer(
      {
        key: await readFile(layout.keyFile.server),
        cert: await readFile(layout.certFile.server),
        requestCert: true,
        rejectUnauthorized: false,
      },
      async (request, response) => {
        const raw =
          request.socket instanceof TLSSocket ? request.socket.getPeerCertificate().raw : Buffer.of();
        expect(identityOfCertificate(raw)).to.equal(certificates.admin.identity);
        requests.push(`${request.method} ${request.url} ${await text(request)}`);
        const operation = request.url?.split("/")[3];
        if (operation === "generate") response.end('{"plaintext":"cGxhaW4=","ciphertext":"c2VhbGVk"}\n');
        else if (operation === "decrypt") response.end('{"plaintext":"cGxhaW4="}\n');
        else response.end();
      },
    );
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    try {
      const address = server.address();
      if (address === null || typeof address === "string") throw new Error("no port");
      const { out } = await startWith(path, { host: "127.0.0.1", port: address.port });
      const lines = out.split("\n").filter((line) => /^(?:curl|dek=|echo|export) ?/.test(line));
      const script = [...lines, 'printf "%s|" "$MINIO_KMS_KES_CERT_FILE" "$MINIO_KMS_KES_CAPATH"'].join("\n");
      const { stdout, stderr } = await promisify(execFile)("sh", ["-c", script]);
      expect(stderr).to.equal("");
      expect(stdout).to.equal(
        `{"plaintext":"cGxhaW4=","ciphertext":"c2VhbGVk"}\n{"plaintext":"cGxhaW4="}\n${layout.certFile.client}|${layout.certFile.server}|`,
      );
      expect(requests).to.deep.equal([
        "PUT /v1/key/create/my-minio-key ",
        "PUT /v1/key/generate/my-minio-key ",
        'PUT /v1/key/decrypt/my-minio-key {"ciphertext":"c2VhbGVk"}',
        "GET /v1/key/list/* ",
      ]);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  async function startWith(path: string, listen: { host: string; port: number }) {
    const { context, stdout } = captured({ cwd: dir });
    const command = startCommandWith(async () => async ({ onListening }) => {
      onListening?.(listen);
      return 0;
    });
    await command.run(["--config", join(path, "kes-config.yml")], context);
    return { out: stdout() };
  }
});
