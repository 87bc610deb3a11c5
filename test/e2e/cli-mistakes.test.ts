/** What goes wrong between a person and a server, and what they are told. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { open, writeFile } from "node:fs/promises";
import { createServer as createHttp, type RequestListener } from "node:http";
import { createServer as createHttps } from "node:https";
import type { AddressInfo, Server } from "node:net";
import { join } from "node:path";
import { createServer as createTls } from "node:tls";
import { expect } from "chai";
import { certificateAuthority, issuedBy, selfSigned } from "../support/certificates.js";
import { freePort } from "../support/child-process.js";
import { CleanUp } from "../support/clean-up.js";
import { type CliRemote, startCliRemote } from "../support/cli-remote.js";
import { startTestServer, tlsOf } from "../support/test-server.js";

describe("cli: mistakes teach", function () {
  this.timeout(60_000);
  const cleanUp = new CleanUp();
  const impostor = selfSigned({ algorithm: "p256", cn: "impostor" });
  let remote: CliRemote;
  before(async () => {
    remote = await startCliRemote();
    cleanUp.add(() => remote.close());
    await writeFile(join(remote.folder, "impostor.crt"), impostor.certPem);
  });
  after(() => cleanUp.run());

  /** Runs `kes key ls` in an environment; it must fail. @returns the lines of stderr */
  async function told(env: Record<string, string>, ...args: string[]): Promise<string[]> {
    const { code, stdout, stderr } = await remote.kes(["key", "ls", ...args], { env });
    expect([code, stdout], stderr).to.deep.equal([1, ""]);
    return stderr.trimEnd().split("\n");
  }

  async function listen(server: Server): Promise<string> {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    cleanUp.add(async () => void server.close());
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** An HTTPS server that is none of keys. */
  function other(answer: RequestListener): Promise<string> {
    const server = createHttps({ key: impostor.keyPem, cert: impostor.certPem }, answer);
    cleanUp.add(async () => server.closeAllConnections());
    return listen(server);
  }
  const trusting = (server: string): Record<string, string> => ({
    MINIO_KES_SERVER: server,
    MINIO_KES_CAPATH: "impostor.crt",
  });

  it("no server there: the address, who names it, what to look at", async () => {
    const server = `127.0.0.1:${await freePort()}`;
    expect(await told({ MINIO_KES_SERVER: server })).to.deep.equal([
      `Error: failed to list keys: cannot reach key server https://${server}: connection refused; is the server running, and is the port right?`,
      `kes: MINIO_KES_SERVER names ${server}: is that where the key server runs?`,
    ]);
    const [, hint] = await told({}, "-s", server);
    expect(hint).to.equal(`kes: --server names ${server}: is that where the key server runs?`);
  });

  it("a name that nobody knows", async () => {
    const [error] = await told({ MINIO_KES_SERVER: "kes.invalid" });
    expect(error).to.match(
      /cannot reach key server https:\/\/kes\.invalid:7373: the name (?:is not known|could not)/,
    );
  });

  it("something that speaks no TLS", async () => {
    const server = await listen(createHttp((_request, response) => response.end("hello")));
    expect((await told({ MINIO_KES_SERVER: server }))[0]).to.include("what listens there speaks no TLS");
  });

  it("no CA named: --ca, where the certificate is to be found, and what -k means", async () => {
    const lines = await told({ MINIO_KES_CAPATH: "" });
    expect(lines[0]).to.match(/^Error: failed to list keys: certificate of key server .* is not trusted: /);
    const text = lines.join("\n");
    expect(text)
      .to.include("--ca FILE (or MINIO_KES_CAPATH)")
      .and.include("tls.cert")
      .and.include("-k skips");
    expect(text).to.include(`openssl s_client -showcerts -connect 127.0.0.1:${remote.server.port}`);
    expect((await remote.kes(["key", "ls", "-k"], { env: { MINIO_KES_CAPATH: "" } })).code).to.equal(0);
  });

  it("the wrong CA: which one was given", async () => {
    const text = (await told({ MINIO_KES_CAPATH: "impostor.crt" })).join("\n");
    expect(text)
      .to.match(/nothing but '.*impostor\.crt' is trusted/)
      .and.not.include("--ca FILE (or");
  });

  it("a CA that is no certificate, or not there", async () => {
    expect((await told({ MINIO_KES_CAPATH: "none.crt" }))[0]).to.match(/none\.crt': no such file/);
    expect((await told({ MINIO_KES_CAPATH: "app.key" }))[0]).to.match(/app\.key' has no PEM certificate/);
  });

  it("a certificate for another name says which names it has, and speaks of no CA", async () => {
    const misnamed = selfSigned({ algorithm: "p256", sans: ["kes.example", "10.0.0.1"] });
    await writeFile(join(remote.folder, "misnamed.crt"), misnamed.certPem);
    const server = await listen(createHttps({ key: misnamed.keyPem, cert: misnamed.certPem }));
    const [error, ...hints] = await told({ MINIO_KES_SERVER: server, MINIO_KES_CAPATH: "misnamed.crt" });
    expect(error).to.include("is not trusted: it is made for kes.example, 10.0.0.1, not for 127.0.0.1");
    expect(hints.join("\n")).to.include("-k skips").and.not.include("--ca");
  });

  it("a server that verifies certificates and closes the connection: that this may be why, and whose it was", async () => {
    const authority = certificateAuthority();
    const certificate = issuedBy(authority, { algorithm: "p256" });
    const tls = { ...tlsOf(certificate), requireCertificate: true, verifyCertificate: true };
    const server = await startTestServer({ tls });
    cleanUp.add(() => server.close());
    await writeFile(join(remote.folder, "authority.crt"), authority.certPem);
    const env = { MINIO_KES_SERVER: `127.0.0.1:${server.port}`, MINIO_KES_CAPATH: "authority.crt" };
    const [error, ...hints] = await told(env);
    // Such a server closes the connection without an alert, which leaves little to tell.
    expect(error).to.match(/the connection was (?:closed|reset|cut)|closed the connection/);
    expect(hints.join("\n")).to.include("'tls.auth: on'").and.include(remote.identities.admin);
  });

  it("no certificate at all", async () => {
    const { code, stderr } = await remote.kes(["key", "ls"], {
      env: { MINIO_KES_CERT_FILE: "", MINIO_KES_KEY_FILE: "" },
    });
    expect(code).to.equal(1);
    expect(stderr).to.match(
      /^Error: no API key specified. Consider setting MINIO_KES_API_KEY\nkes: 'kes identity new'/,
    );
  });

  it("a certificate that does not belong to its key", async () => {
    const [error] = await told({ MINIO_KES_CERT_FILE: "stranger.crt" });
    expect(error).to.include("does not belong to the private key");
  });

  const answers: readonly [what: string, answer: RequestListener, error: RegExp][] = [
    [
      "a web page",
      (_request, response) =>
        response.setHeader("content-type", "text/html").end("<h1>Secret \u001b[31m</h1>"),
      /answer of .* is not that of a key server/,
    ],
    [
      "garbage",
      (_request, response) => response.end("\u001b[2Jgarbage"),
      /is not that of a key server: it is no JSON/,
    ],
    [
      "a page that is not there",
      (_request, response) => response.writeHead(404, { "content-type": "text/html" }).end("<h1>404</h1>"),
      /failed to list keys: .*404/,
    ],
    [
      "a redirect elsewhere",
      (_request, response) => response.writeHead(302, { location: "https://elsewhere.example/" }).end(),
      /failed to list keys: .*302|redirect/,
    ],
    [
      "an answer without end",
      (_request, response) => {
        const write = (): void => {
          while (response.write(Buffer.alloc(65_536, 32)));
          response.once("drain", write);
        };
        write();
      },
      /is larger than 1048576 bytes/,
    ],
    [
      "a message that would paint the terminal",
      (_request, response) =>
        response
          .writeHead(418, { "content-type": "application/json" })
          .end(JSON.stringify({ message: "\u001b[2J\u0007\r\nkes: all is well" })),
      /^Error: failed to list keys: [^\n]*all is well$/,
    ],
  ];
  for (const [what, answer, error] of answers) {
    it(`${what} instead of a key server's answer`, async () => {
      const lines = await told(trusting(await other(answer)));
      expect(lines[0]).to.match(error);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: that none is printed is the point
      expect(lines.join("")).not.to.match(/[\u0000-\u001f\u007f]/);
    });
  }

  it("a redirect to elsewhere is not followed, for it would carry the caller's certificate there", async () => {
    let visits = 0;
    const target = await other((_request, response) => {
      visits++;
      response.end("{}");
    });
    const source = await other((request, response) =>
      response.writeHead(307, { location: `https://${target}${request.url}` }).end(),
    );
    await told(trusting(source));
    expect(visits).to.equal(0);
  });

  it("a server that hangs: --timeout ends it, and is named", async () => {
    const server = await listen(
      createTls({ key: impostor.keyPem, cert: impostor.certPem }, (socket) => socket.on("error", () => {})),
    );
    const start = performance.now();
    const lines = await told(trusting(server), "--timeout", "500ms");
    expect(performance.now() - start).to.be.lessThan(10_000);
    expect(lines[0]).to.include("500 ms");
    expect(lines.join("\n")).to.include("--timeout 1m waits longer");
  });

  it("Ctrl-C ends a call at once, with 1 and without a word", async function () {
    if (process.platform === "win32") this.skip();
    let onRequest = (): void => undefined;
    const asked = new Promise<void>((resolve) => {
      onRequest = resolve;
    });
    const server = await other(() => onRequest());
    const child = spawn(process.execPath, [remote.cli.main, "key", "create", "my-key"], {
      cwd: remote.folder,
      env: { PATH: process.env.PATH ?? "", ...remote.env("admin", trusting(server)) },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
    const closed = once(child, "close");
    try {
      await asked;
      const start = performance.now();
      child.kill("SIGINT");
      const [code] = await closed;
      expect([code, output]).to.deep.equal([1, ""]);
      expect(performance.now() - start).to.be.lessThan(3_000);
    } finally {
      child.kill("SIGKILL");
    }
  });

  it("a full disk: what was printed is not there, and no stack of calls", async function () {
    const full = await open("/dev/full", "w").catch(() => undefined);
    if (full === undefined) return this.skip();
    try {
      for (const args of [["identity"], ["key", "ls", "--json"]]) {
        const child = spawn(process.execPath, [remote.cli.main, ...args], {
          cwd: remote.folder,
          env: { PATH: process.env.PATH ?? "", ...remote.env("admin") },
          stdio: ["ignore", full.fd, "pipe"],
        });
        let stderr = "";
        child.stderr?.on("data", (chunk) => (stderr += chunk));
        const [code] = await once(child, "close");
        expect(code).to.equal(1);
        expect(stderr).to.match(/^Error: cannot write to standard output: ENOSPC[^\n]*\n$/);
      }
    } finally {
      await full.close();
    }
  });

  it("no secret is ever told", async () => {
    const secret = `kes:v1:${Buffer.alloc(33, 9).toString("base64")}`;
    const env = { MINIO_KES_CERT_FILE: "", MINIO_KES_KEY_FILE: "", MINIO_KES_API_KEY: secret };
    const text = (await told(env)).join("\n");
    expect(text).not.to.include(secret.slice(7, 27));
    const proxied = await told({
      MINIO_KES_SERVER: "kes.invalid",
      HTTPS_PROXY: "http://user:hunter2@127.0.0.1:1",
    });
    expect(proxied.join("\n")).to.include("HTTPS_PROXY is set").and.not.include("hunter2");
  });
});
