/** Must hold: clients that others wrote are at home with HTTP/2 by both engines, over mTLS. */
import { createHash } from "node:crypto";
import { mkdtemp, readlink, rm, writeFile } from "node:fs/promises";
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from "node:http2";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { Agent, request } from "undici";
import { run } from "../support/child-process.js";
import { type EngineServer, startEngineServer } from "../support/engine-server.js";
import { bigBody, type Echo, serveApp } from "../support/http2-app.js";
import { findOnPath } from "../support/services/folder.js";
import { requireService } from "../support/services/index.js";

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

for (const engine of ["keswick", "node"] as const)
  describe(`HTTP/2 by ${engine}: clients of others`, function () {
    this.timeout(60_000);
    let server: EngineServer;
    let folder: string;
    let pem: string;

    before(async () => {
      folder = await mkdtemp(join(tmpdir(), "keswick-http2-"));
      server = await startEngineServer({ serve: serveApp, engine });
      pem = join(folder, "client.pem");
      await writeFile(pem, `${server.client.certPem}\n${server.client.keyPem}`, { mode: 0o600 });
    });
    after(async () => {
      await server?.close();
      await rm(folder, { recursive: true, force: true });
    });
    afterEach(async () => {
      expect(server.refusals).to.deep.equal([]);
    });

    const session = (to = server, options: object = {}): ClientHttp2Session => {
      const { certPem: cert, keyPem: key } = to.client;
      const made = connect(to.url, { ca: to.ca.certPem, cert, key, ...options });
      made.on("error", () => undefined);
      return made;
    };
    function ask(
      on: ClientHttp2Session,
      method: string,
      path: string,
      body?: string | Buffer,
    ): Promise<Answer> {
      const stream = on.request(
        { ":method": method, ":path": path, "x-test": "node" },
        { endStream: body === undefined },
      );
      if (body !== undefined) stream.end(body);
      return answerOf(stream);
    }
    async function checkEcho(on: ClientHttp2Session, method: string, body?: string | Buffer): Promise<void> {
      const answer = await ask(on, method, "/echo", body);
      expect(answer.status).to.equal(200);
      const echo = JSON.parse(answer.body) as Echo;
      const sha256 = createHash("sha256")
        .update(body ?? "")
        .digest("hex");
      expect(echo).to.deep.equal({
        method,
        target: "/echo",
        length: Buffer.byteLength(body ?? ""),
        sha256,
        test: ["node"],
      });
    }

    describe("node:http2", () => {
      it("asks, with a body and without, side by side", async () => {
        const on = session();
        await checkEcho(on, "GET");
        const all = Array.from({ length: 200 }, (_, i) => checkEcho(on, "PUT", "x".repeat(i * 137)));
        await Promise.all([...all, checkEcho(on, "DELETE"), checkEcho(on, "POST", "")]);
        on.close();
      });

      it("sends large bodies through our windows, and takes them through its own", async () => {
        const on = session();
        await checkEcho(on, "PUT", Buffer.alloc(9_000_000, "0123456789"));
        const { body } = await ask(on, "GET", "/big/9000000");
        expect(body === bigBody(9_000_000)).to.equal(true);
        const small = session(server, { settings: { initialWindowSize: 10, headerTableSize: 0 } });
        expect((await ask(small, "GET", "/big/5000")).body).to.equal(bigBody(5_000));
        on.close();
        small.close();
      });

      it("sees headers, a date, and nothing of a body for HEAD", async () => {
        const on = session();
        const { headers, body, status } = await ask(on, "HEAD", "/big/500");
        expect([status, body, headers["content-length"]]).to.deep.equal([200, "", "500"]);
        expect(Math.abs(Date.parse(String(headers.date)) - Date.now())).to.be.below(10_000);
        expect((await ask(on, "GET", "/else")).status).to.equal(404);
        on.close();
      });

      it("sends trailers", async () => {
        const on = session();
        const trailing = on.request({ ":method": "PUT", ":path": "/echo" }, { waitForTrailers: true });
        trailing.on("wantTrailers", () => trailing.sendTrailers({ "x-checksum": "1" }));
        trailing.end("abc");
        expect(JSON.parse((await answerOf(trailing)).body)).to.include({ length: 3 });
        on.close();
      });

      // docs/http2.md names both as differences: Node's engine sends no 100, and refuses streams that begin late.
      const ofOurOwn = engine === "keswick";

      if (ofOurOwn)
        it("waits for 100", async () => {
          const on = session();
          const asking = on.request({ ":method": "PUT", ":path": "/echo", expect: "100-continue" });
          let isAllowed = false;
          asking.on("continue", () => {
            isAllowed = true;
            asking.end("abcd");
          });
          expect(JSON.parse((await answerOf(asking)).body)).to.include({ length: 4 });
          expect(isAllowed).to.equal(true);
          on.close();
        });

      it("gets an early answer while it sends, and goes on", async () => {
        const on = session();
        const answer = await ask(on, "PUT", "/early", Buffer.alloc(3_000_000));
        expect([answer.status, answer.body]).to.deep.equal([403, "no"]);
        await checkEcho(on, "PUT", "next");
        on.close();
      });

      it("takes an answer that goes on", async () => {
        const on = session();
        const { body } = await ask(on, "GET", "/lines/300");
        expect(body.split("\n")).to.have.length(302);
        on.close();
      });

      it("resets requests, and goes on", async () => {
        const on = session();
        for (let i = 0; i < 50; i++) {
          const stream = on.request({ ":path": "/never" });
          stream.on("error", () => undefined);
          setImmediate(() => stream.close(constants.NGHTTP2_CANCEL));
          await new Promise((resolve) => stream.once("close", resolve));
        }
        await checkEcho(on, "GET");
        on.close();
      });

      it("pings, and changes its settings", async () => {
        const on = session();
        await checkEcho(on, "GET");
        await new Promise<void>((resolve, reject) => on.ping((error) => (error ? reject(error) : resolve())));
        await new Promise<void>((resolve) => {
          on.settings({ headerTableSize: 128, initialWindowSize: 100_000 }, () => resolve());
        });
        await checkEcho(on, "PUT", "abc");
        await checkEcho(on, "PUT", "abc");
        on.close();
      });

      if (ofOurOwn)
        it("loses no request when the server drains", async () => {
          const own = await startEngineServer({ serve: serveApp, engine });
          const on = session(own);
          await checkEcho(on, "GET");
          const isGone = new Promise((resolve) => on.once("goaway", resolve));
          const late = Array.from({ length: 100 }, () => ask(on, "GET", "/late"));
          own.drain();
          for (const { status } of await Promise.all(late)) expect(status).to.equal(200);
          await isGone;
          await new Promise((resolve) => on.once("close", resolve));
          await own.close();
        });

      it("is closed when it is idle, and not while it waits", async () => {
        const own = await startEngineServer({ serve: serveApp, engine, limits: { idleTimeoutMs: 300 } });
        const idle = session(own);
        const waiting = session(own);
        const stream = waiting.request({ ":path": "/lines/100000" });
        stream.resume();
        await checkEcho(idle, "GET");
        await new Promise((resolve) => idle.once("close", resolve));
        expect(waiting.closed).to.equal(false);
        waiting.destroy();
        await own.close();
      });
    });

    it("undici, with a body and without, side by side, up and down", async () => {
      const { certPem: cert, keyPem: key } = server.client;
      const agent = new Agent({
        allowH2: true,
        connections: 1,
        pipelining: 100,
        maxConcurrentStreams: 100,
        connect: { cert, key, ca: server.ca.certPem },
      });
      const send = async (method: "GET" | "PUT", path: string, body?: string): Promise<string> => {
        const headers = { "x-test": "undici" };
        const answer = await request(`${server.url}${path}`, {
          ...{ dispatcher: agent, method, headers },
          ...(body === undefined ? {} : { body }),
        });
        expect(answer.statusCode).to.equal(200);
        return answer.body.text();
      };
      try {
        const bodies = Array.from({ length: 300 }, (_, i) => "x".repeat(i * 91)).concat(bigBody(2_000_000));
        const all = bodies.map(async (body, i) => {
          expect(JSON.parse(await send("PUT", `/echo?${i}`, body))).to.deep.equal({
            method: "PUT",
            target: `/echo?${i}`,
            length: body.length,
            sha256: createHash("sha256").update(body).digest("hex"),
            test: ["undici"],
          });
        });
        await Promise.all([...all, send("GET", "/late")]);
        expect((await send("GET", "/big/2000000")) === bigBody(2_000_000)).to.equal(true);
        expect((await send("GET", "/lines/100")).split("\n")).to.have.length(102);
        expect(server.size).to.equal(1);
      } finally {
        await agent.close();
      }
    });

    it("curl: one, many, up, down, and 100-continue", async function () {
      const curl = requireService(this, "curl");
      const file = join(folder, "upload");
      await writeFile(file, Buffer.alloc(3_000_000, "ab"));
      const common = ["--silent", "--show-error", "--http2", "--insecure", "--cert", pem, "--max-time", "30"];
      const ask = async (...args: string[]): Promise<string> => {
        const { stdout, stderr, code } = await run([curl, ...common, ...args], { timeoutMs: 40_000 });
        expect(code, stderr).to.equal(0);
        return stdout;
      };
      const shown = [
        "--output",
        join(folder, "out"),
        "--write-out",
        "%{http_version} %{http_code} %{size_download}\n",
      ];
      expect(await ask(...shown, `${server.url}/big/3000000`)).to.equal("2 200 3000000\n");
      const uploaded = await ask(
        "--upload-file",
        file,
        "--header",
        "Expect: 100-continue",
        `${server.url}/echo`,
      );
      expect(JSON.parse(uploaded)).to.include({ method: "PUT", length: 3_000_000 });
      expect(await ask("--head", `${server.url}/big/77`)).to.match(
        /^HTTP\/2 200 [\s\S]*content-length: 77\r\n/,
      );
      const many = await ask(
        "--parallel",
        "--parallel-max",
        "20",
        "--output",
        "/dev/null",
        "--write-out",
        "%{http_code}\n",
        `${server.url}/late?[1-100]`,
      );
      expect(many).to.equal("200\n".repeat(100));
    });

    it("Go's net/http", async function () {
      this.timeout(120_000);
      const go = findOnPath("go");
      if (go === undefined) {
        console.log("        skipped: go is not on the PATH");
        this.skip();
      }
      const program = join(import.meta.dirname, "../support/http2-client.go");
      const GOCACHE =
        process.env.GOCACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "go-build");
      const { code, stdout, stderr } = await run([go, "run", program, server.url, pem], {
        env: { HOME: folder, GO111MODULE: "off", CGO_ENABLED: "0", GOCACHE },
        timeoutMs: 110_000,
      });
      expect(code, stderr).to.equal(0);
      expect(stdout.trim().split(/\r?\n/)).to.deep.equal([
        "one request",
        "1000 requests, 1 connection",
        "5 MB up",
        "5000000 bytes down 200",
        "early 403 no",
        "101 lines 200",
        "given up: true",
        "1 connection",
      ]);
    });

    it("Python's httpx and h2", async function () {
      const httpx = requireService(this, "httpx");
      // The environment's own interpreter, found beside the program that the service is a link to.
      const python = join(dirname(await readlink(httpx)), "python3");
      const script = join(import.meta.dirname, "../support/http2_client.py");
      const { code, stdout, stderr } = await run([python, script, server.url, pem], { timeoutMs: 50_000 });
      expect(code, stderr).to.equal(0);
      expect(stdout.trim().split(/\r?\n/)).to.deep.equal([
        "one request",
        "200 requests",
        "2 MB up",
        "2000000 bytes down",
        "early 403 no",
        "101 lines",
        "head 1000 0",
      ]);
    });
  });

function answerOf(stream: ClientHttp2Stream): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let status = 0;
    let headers: Readonly<Record<string, unknown>> = {};
    const parts: Buffer[] = [];
    stream.on("response", (got) => {
      status = Number(got[":status"]);
      headers = got;
    });
    stream.on("data", (piece: Buffer) => parts.push(piece));
    stream.on("error", reject);
    stream.on("end", () => resolve({ status, headers, body: Buffer.concat(parts).toString() }));
  });
}
