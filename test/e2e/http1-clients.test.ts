/** Must hold: clients that others wrote are at home with HTTP/1.1 by both engines, over mTLS; so are proxies with our own. */
import { createHash } from "node:crypto";
import { mkdtemp, readlink, rm, writeFile } from "node:fs/promises";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { Agent, request } from "undici";
import { selfSigned } from "../support/certificates.js";
import { run } from "../support/child-process.js";
import { type EngineServer, startEngineServer } from "../support/engine-server.js";
import { bigBody, type Echo, serveApp } from "../support/http2-app.js";
import { type LoadBalancer, startLoadBalancer } from "../support/load-balancer.js";
import { overHttp1 } from "../support/send.js";
import { findOnPath } from "../support/services/folder.js";
import { requireService, service } from "../support/services/index.js";
import { startTestServer, type TestServer, tlsOf } from "../support/test-server.js";

for (const engine of ["keswick", "node"] as const)
  describe(`HTTP/1.1 by ${engine}: clients of others`, function () {
    this.timeout(90_000);
    let server: EngineServer;
    let folder: string;
    let pem: string;

    before(async () => {
      folder = await mkdtemp(join(tmpdir(), "keswick-http1-"));
      server = await startEngineServer({ serve: serveApp, engine, protocol: "http/1.1" });
      pem = join(folder, "client.pem");
      await writeFile(pem, `${server.client.certPem}\n${server.client.keyPem}`, { mode: 0o600 });
    });
    after(async () => {
      await server?.close();
      await rm(folder, { recursive: true, force: true });
    });
    afterEach(() => {
      expect(server.refusals).to.deep.equal([]);
    });

    const sha256 = (body: string): string => createHash("sha256").update(body).digest("hex");

    it("curl: one, many, up, down, chunks and 100-continue", async function () {
      const curl = requireService(this, "curl");
      const ask = async (...words: readonly string[]): Promise<string> => {
        const { code, stdout, stderr } = await run(
          [curl, "-sS", "--http1.1", "-k", "--cert", pem, "--max-time", "30", ...words],
          { timeoutMs: 40_000 },
        );
        expect(code, stderr).to.equal(0);
        return stdout;
      };
      const file = join(folder, "body");
      const body = bigBody(3_000_000);
      await writeFile(file, body);
      const echo = async (...words: readonly string[]): Promise<Echo> =>
        JSON.parse(await ask("-H", "x-test: curl", ...words, `${server.url}/echo`)) as Echo;
      expect(await echo()).to.include({ method: "GET", target: "/echo", length: 0 });
      // Above 1 MiB curl asks first whether it may send.
      expect(await echo("-T", file)).to.include({ length: body.length, sha256: sha256(body) });
      expect(await echo("-T", file, "-H", "Transfer-Encoding: chunked")).to.include({ sha256: sha256(body) });
      expect(await echo("-0", "--no-alpn", "-d", "abc")).to.include({ length: 3 });
      expect(await ask(`${server.url}/big/200000`)).to.equal(bigBody(200_000));
      expect((await ask(`${server.url}/lines/300`)).split("\n")).to.have.length(302);
      expect(await ask("-0", "--no-alpn", `${server.url}/lines/30`)).to.match(/end\n$/);
      expect(await ask("-I", `${server.url}/big/1000`)).to.match(
        /^HTTP\/1\.1 200 OK\r\n(?:.+\r\n)*content-length: 1000\r\n/i,
      );
      expect(await ask("-T", file, `${server.url}/early`)).to.equal("no");
      const many = Array.from({ length: 100 }, (_, i) => `${server.url}/echo?${i}`);
      const counts = await ask(
        "-w",
        "%{num_connects}\n",
        "-o",
        "/dev/null",
        ...many.flatMap((url) => [url, "-o", "/dev/null"]).slice(0, -2),
      );
      expect(counts.trim().split("\n").map(Number)).to.deep.equal([1, ...Array<number>(99).fill(0)]);
    });

    it("Go's net/http", async function () {
      const go = findOnPath("go");
      if (go === undefined) {
        console.log("        skipped: go is not on the PATH");
        this.skip();
      }
      const program = join(import.meta.dirname, "../support/http1-client.go");
      const GOCACHE =
        process.env.GOCACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "go-build");
      const { code, stdout, stderr } = await run([go, "run", program, server.url, pem], {
        env: { HOME: folder, GO111MODULE: "off", CGO_ENABLED: "0", GOCACHE },
        timeoutMs: 80_000,
      });
      expect(code, stderr).to.equal(0);
      expect(stdout.trim().split(/\r?\n/)).to.deep.equal([
        "one request",
        "1000 requests, kept: true",
        "5 MB up",
        "5000000 bytes down 200",
        "early 403 no",
        "101 lines 200",
        "given up: true",
        "in chunks 10000",
      ]);
    });

    it("Python's http.client, and httpx", async function () {
      const httpx = service("httpx");
      const python =
        httpx === undefined
          ? requireService(this, "python3")
          : join(dirname(await readlink(httpx)), "python3");
      const script = join(import.meta.dirname, "../support/http1_client.py");
      const { code, stdout, stderr } = await run([python, script, "127.0.0.1", String(server.port), pem], {
        env: { PATH: process.env.PATH ?? "", HOME: homedir() },
        timeoutMs: 60_000,
      });
      expect(code, stderr).to.equal(0);
      const lines = stdout.trim().split(/\r?\n/);
      expect(lines.filter((line) => !line.startsWith("httpx"))).to.deep.equal([
        "200 requests, kept: True",
        "2 MB up",
        "in chunks",
        "2000000 bytes down",
        "101 lines",
        "head 1000 0",
        "early 403 no",
      ]);
      if (httpx !== undefined) expect(lines.at(-1)).to.equal("httpx 403");
    });

    it("undici, pipelining", async () => {
      const { certPem: cert, keyPem: key } = server.client;
      const agent = new Agent({
        connections: 2,
        pipelining: 8,
        connect: { cert, key, ca: server.ca.certPem },
      });
      try {
        const all = Array.from({ length: 300 }, async (_, i) => {
          const body = "x".repeat(i * 91);
          const answer = await request(`${server.url}/echo?${i}`, {
            dispatcher: agent,
            method: "PUT",
            body,
            headers: { "x-test": "undici" },
            idempotent: true,
          });
          expect(await answer.body.json()).to.deep.equal({
            method: "PUT",
            target: `/echo?${i}`,
            length: body.length,
            sha256: sha256(body),
            test: ["undici"],
          });
        });
        await Promise.all(all);
      } finally {
        await agent.close();
      }
    });

    it("node:https, whose connections are kept and closed by the server when they are idle", async () => {
      const quick = await startEngineServer({
        serve: serveApp,
        engine,
        protocol: "http/1.1",
        limits: { idleTimeoutMs: 200, headersTimeoutMs: 200 },
      });
      const { certPem: cert, keyPem: key } = quick.client;
      const agent = new HttpsAgent({ keepAlive: true, maxSockets: 1, cert, key, ca: quick.ca.certPem });
      const ask = (): Promise<string> =>
        new Promise((resolve, reject) => {
          const outgoing = httpsRequest(`${quick.url}/late`, { agent }, (response) => {
            response.setEncoding("utf8").on("data", (text: string) => resolve(text));
          });
          outgoing.on("error", reject).end();
        });
      try {
        expect(await ask()).to.equal("late");
        expect(await ask()).to.equal("late");
        expect(quick.size).to.equal(1);
        while (quick.size > 0) await new Promise((resolve) => setTimeout(resolve, 20));
        expect(await ask()).to.equal("late");
        expect(quick.refusals).to.deep.equal([]);
      } finally {
        agent.destroy();
        await quick.close();
      }
    });
  });

for (const kind of ["haproxy", "nginx"] as const) {
  describe(`our own HTTP/1.1 behind ${kind}`, function () {
    this.timeout(40_000);
    const client = selfSigned({ cn: "client" });
    let server: TestServer;
    let balancer: LoadBalancer;

    before(async function () {
      const program = requireService(this, kind);
      const proxy = selfSigned({ cn: "proxy", algorithm: "p256" });
      const certificate = selfSigned({ algorithm: "p256", sans: ["localhost", "127.0.0.1"] });
      server = await startTestServer({
        tls: tlsOf(certificate),
        policies: { clients: { allow: ["/v1/key/*"], identities: [client.identity] } },
        config: {
          server: { workers: 1, watch: "off", http: "keswick", graceMs: 1_000, proxyProtocol: [] },
          tls: {
            keyFile: "",
            certFile: "",
            verifyClients: false,
            proxy: {
              identities: [proxy.identity],
              certificateHeader: "x-tls-client-cert",
              format: "auto",
              only: true,
            },
          },
        },
      });
      balancer = await startLoadBalancer({
        ...{ program, kind, mode: "terminating" },
        // Nobody answers health checks here; servers that are not asked count as ready.
        edit: (text) =>
          text
            .replaceAll(" alpn h2,http/1.1", " alpn http/1.1")
            .replaceAll(/^ *default-server check port 7374 /gm, "    default-server no-check "),
        servers: [{ port: server.port, healthPort: server.port }],
        serverCa: certificate.certPem,
        identity: proxy,
      });
    });
    after(async () => {
      await balancer?.stop();
      await server?.close();
    });

    it("serves keys, one connection for many requests", async () => {
      const through = { url: `https://127.0.0.1:${balancer.port}`, ca: { certPem: balancer.certificate } };
      const ask = (path: string, body?: string): ReturnType<typeof overHttp1> =>
        overHttp1(through, client, { method: "PUT", path, ...(body === undefined ? {} : { body }) });
      expect((await ask("/v1/key/create/known")).status).to.equal(200);
      for (let i = 0; i < 50; i++) {
        const made = await ask("/v1/key/generate/known", '{"context":"YQ=="}');
        expect(made.status).to.equal(200);
        const { ciphertext, plaintext } = JSON.parse(made.body) as Record<string, string>;
        const opened = await ask("/v1/key/decrypt/known", JSON.stringify({ ciphertext, context: "YQ==" }));
        expect(JSON.parse(opened.body)).to.deep.equal({ plaintext });
      }
      // nginx keeps a body of that size in a file, in a folder that is its own user's.
      if (kind === "haproxy")
        expect((await ask("/v1/key/encrypt/known", "x".repeat(2_000_000))).status).to.equal(413);
      expect((await ask("/v1/key/generate/unknown", "{}")).status).to.equal(404);
    });
  });
}
