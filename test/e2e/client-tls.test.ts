/** Certificates on both sides of the SDK's connections, proxies, streams, deadlines. */
import { createPrivateKey, generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { connect, createServer as createTcpServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSecureContext } from "node:tls";
import { expect } from "chai";
import { systemClock } from "../../src/client/clock.js";
import { createTransport } from "../../src/client/http-transport.js";
import { type ClientOptions, defaultTiming, type TransportTiming } from "../../src/client/options.js";
import type { ApiRequest, ApiStream, Transport } from "../../src/client/transport.js";
import { KesError } from "../../src/errors.js";
import { ApiKey } from "../../src/identity/api-key.js";
import { certificateAuthority, issuedBy, selfSigned, type TestCertificate } from "../support/certificates.js";
import { run } from "../support/child-process.js";
import { type RecordingServer, startRecordingServer } from "../support/recording-server.js";
import { startTestServer } from "../support/test-server.js";

const get: ApiRequest = { method: "GET", path: "/version", repeatable: true };
const HOUR_MS = 3_600_000;

describe("the SDK's connections", () => {
  let dir: string;
  let server: RecordingServer;
  let skippedMs = 0;
  const open: Transport[] = [];
  const clock = {
    ...systemClock,
    now: () => performance.now() + skippedMs,
    wallNow: () => Date.now() + skippedMs,
  };
  const client = selfSigned({ cn: "client" });

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "keswick-client-"));
    server = await startRecordingServer();
    skippedMs = 0;
  });
  afterEach(async () => {
    for (const transport of open.splice(0)) await transport.close();
    await server.close();
    await rm(dir, { recursive: true, force: true });
  });

  /** A transport to the server, as `client` unless told otherwise. */
  function transport(options: Partial<ClientOptions> = {}, timing: Partial<TransportTiming> = {}): Transport {
    const isSomebody = ["apiKey", "certificate", "key"].some((name) => name in options);
    const made = createTransport(
      {
        endpoints: server.url,
        ca: server.ca.certPem,
        timeoutMs: 15_000,
        environment: {},
        ...(isSomebody ? {} : { certificate: client.certPem, key: client.keyPem }),
        ...options,
      },
      { clock, timing: { ...defaultTiming, pauseMs: 1, pauseJitterMs: 1, ...timing } },
    );
    open.push(made);
    return made;
  }

  async function failure(action: () => Promise<unknown> | Transport): Promise<KesError> {
    try {
      const made = await action();
      if (typeof made === "object" && made !== null && "send" in made) await (made as Transport).send(get);
    } catch (cause) {
      if (cause instanceof KesError) return cause;
      throw cause;
    }
    return expect.fail("it did not fail");
  }

  const file = async (name: string, text: string): Promise<string> => {
    const path = join(dir, name);
    await writeFile(path, text);
    return path;
  };

  describe("as holder of an API key", () => {
    it("show a certificate of the key", async () => {
      const apiKey = ApiKey.generate(randomBytes);
      for (const given of [apiKey, apiKey.toString()]) {
        const own = transport({ apiKey: given });
        expect(own.identity).to.equal(apiKey.identity);
        await own.send(get);
      }
      expect(server.connections.map(({ identity }) => identity)).to.deep.equal([
        apiKey.identity,
        apiKey.identity,
      ]);
      const [seen] = server.connections;
      const { valid_from, valid_to, subject } = seen?.socket.getPeerCertificate() ?? expect.fail();
      expect(subject.CN).to.equal(apiKey.identity);
      expect(Date.parse(valid_from)).to.be.closeTo(Date.now() - HOUR_MS, 5_000);
      expect(Date.parse(valid_to)).to.be.closeTo(Date.now() + 24 * HOUR_MS, 5_000);
    });

    it("show a new certificate when the old one is half over, with the same identity", async () => {
      const apiKey = ApiKey.generate(randomBytes);
      const own = transport({ apiKey });
      const serials = async (): Promise<string[]> => {
        await own.send(get);
        return server.connections.map(({ serialNumber }) => serialNumber ?? "");
      };
      const [first = ""] = await serials();
      skippedMs = HOUR_MS;
      // Connections are renewed, the certificate is not.
      expect(await serials()).to.deep.equal([first, first]);
      skippedMs = 13 * HOUR_MS;
      const [, , third = ""] = await serials();
      expect(third)
        .to.match(/^[0-9A-F]+$/)
        .and.not.equal(first);
      expect(new Set(server.connections.map(({ identity }) => identity))).to.deep.equal(
        new Set([apiKey.identity]),
      );
    });

    it("leave a connection before its certificate ends", async () => {
      const own = transport({ apiKey: ApiKey.generate(randomBytes) }, { certificateMs: 10 * 60_000 });
      await own.send(get);
      skippedMs = 8 * 60_000;
      await own.send(get);
      expect(server.connections).to.have.length(1);
      skippedMs = 9.5 * 60_000;
      await own.send(get);
      expect(server.connections).to.have.length(2);
      expect(server.connections[1]?.serialNumber).to.not.equal(server.connections[0]?.serialNumber);
    });

    it("say what is wrong with it, and never the key", async () => {
      const text = ApiKey.generate(randomBytes).toString();
      for (const apiKey of [text.slice(0, -5), `${text}!`, "kes:v2:AAAA"]) {
        const error = await failure(() => transport({ apiKey }));
        expect(error.code).to.equal("CREDENTIALS_INVALID");
        expect(error.message)
          .to.match(/parsing API key: /)
          .and.not.include(apiKey.slice(7, 20));
      }
      const both = await failure(() => transport({ apiKey: text, certificate: "client.crt" }));
      expect(both.message).to.include("API key and certificate file cannot be used at the same time");
    });
  });

  describe("as holder of certificate and key files", () => {
    it("show the certificate, and its identity once it was read", async () => {
      const own = transport({
        certificate: await file("client.crt", client.certPem),
        key: await file("client.key", client.keyPem),
      });
      await own.send(get);
      expect(own.identity).to.equal(client.identity);
      expect(server.connections[0]?.identity).to.equal(client.identity);
    });

    it("show the new one when the files were replaced, and the old one while they do not match", async () => {
      const next = selfSigned({ cn: "next" });
      const own = transport({
        certificate: await file("client.crt", client.certPem),
        key: await file("client.key", client.keyPem),
      });
      const identity = async (): Promise<string | undefined> => {
        await own.send(get);
        return server.connections.at(-1)?.identity;
      };
      expect(await identity()).to.equal(client.identity);
      await file("client.crt", next.certPem);
      // An open connection is not asked for; the next one looks.
      expect(await identity()).to.equal(client.identity);
      expect(server.connections).to.have.length(1);
      skippedMs += HOUR_MS;
      expect(await identity()).to.equal(client.identity);
      await file("client.key", next.keyPem);
      skippedMs += HOUR_MS;
      expect(await identity()).to.equal(next.identity);
      expect(own.identity).to.equal(next.identity);
      expect(server.connections.map(({ isResumed }) => isResumed)).to.deep.equal([false, true, false]);
    });

    const encrypted = generateKeyPairSync("ed25519").privateKey;
    const forms: Record<string, (password: string) => string> = {
      "PKCS#8": (password) =>
        encrypted
          .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: password })
          .toString(),
      "RFC 1423": (password) => {
        const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
        return ec
          .export({ type: "sec1", format: "pem", cipher: "aes-256-cbc", passphrase: password })
          .toString();
      },
    };
    for (const [form, made] of Object.entries(forms)) {
      it(`open a key that is encrypted as ${form}`, async () => {
        const pem = made("secret");
        const key = createPrivateKey({ key: pem, passphrase: "secret" });
        const certificate = selfSigned({ key });
        let asked = 0;
        const own = transport({
          certificate: certificate.certPem,
          key: await file("client.key", pem),
          password: async () => {
            asked++;
            return "secret";
          },
        });
        await Promise.all([own.send(get), own.send(get)]);
        skippedMs += HOUR_MS;
        await own.send(get);
        expect(asked).to.equal(1);
        expect(server.connections[0]?.identity).to.equal(certificate.identity);

        const wrong = await failure(() =>
          transport({ certificate: certificate.certPem, key: pem, password: "guess" }),
        );
        expect(wrong).to.include({ code: "CREDENTIALS_INVALID" });
        expect(wrong.message)
          .to.match(/incorrect password/)
          .and.not.include("guess");
        const none = await failure(() => transport({ certificate: certificate.certPem, key: pem }));
        expect(none.message).to.include("password required");
      });
    }

    it("say which file is wrong, and how", async () => {
      const other = selfSigned({ cn: "other" });
      const good = {
        certificate: await file("client.crt", client.certPem),
        key: await file("client.key", client.keyPem),
      };
      const table: [Partial<ClientOptions>, RegExp][] = [
        [{ certificate: good.certificate }, /certificate is given, but no private key/],
        [{ key: good.key }, /private key is given, but no certificate/],
        [{ ...good, key: join(dir, "none.key") }, /none\.key': no such file/],
        [{ ...good, certificate: dir }, /is a directory/],
        [{ ...good, key: await file("junk.key", "junk") }, /junk\.key': no valid PEM data/],
        [{ ...good, certificate: good.key }, /client\.key': unsupported PEM data block/],
        [
          { ...good, key: await file("other.key", other.keyPem) },
          /client\.crt' does not belong to .*other\.key'/,
        ],
      ];
      for (const [options, message] of table) {
        const error = await failure(() => transport(options));
        expect(error.code, String(message)).to.equal("CREDENTIALS_INVALID");
        expect(error.message).to.match(message);
      }
    });
  });

  describe("check the server's certificate", () => {
    const authority = certificateAuthority({ algorithm: "p256", cn: "Some CA" });
    const other = certificateAuthority({ algorithm: "p256", cn: "Other CA" });
    const served = async (certificate: TestCertificate, check: () => Promise<void>): Promise<void> => {
      await server.close();
      server = await startRecordingServer({ ca: certificate });
      await check();
    };

    it("by a file, a folder or a text", async () => {
      await served(issuedBy(authority, { algorithm: "p256" }), async () => {
        const path = await file("ca.crt", `some text\n${authority.certPem}`);
        await file("README", "not a certificate");
        await file("other.pem", other.certPem);
        for (const ca of [path, dir, authority.certPem + other.certPem]) {
          expect(await transport({ ca }).send(get)).to.have.property("status", 200);
        }
      });
    });

    it("by the system's, as Go's programs find them", async () => {
      const path = await file("bundle.crt", server.ca.certPem);
      for (const environment of [
        { SSL_CERT_FILE: path },
        { SSL_CERT_DIR: dir },
        { NODE_EXTRA_CA_CERTS: path },
      ]) {
        const own = createTransport({ endpoints: server.url, environment, timeoutMs: 15_000 });
        open.push(own);
        expect(await own.send(get), JSON.stringify(environment)).to.have.property("status", 200);
      }
    });

    it("by a file that is read again when it changes", async () => {
      const path = await file("ca.crt", server.ca.certPem);
      const own = transport({ ca: path });
      await own.send(get);
      await file("ca.crt", other.certPem);
      skippedMs += HOUR_MS;
      expect((await failure(() => own.send(get))).code).to.equal("SERVER_UNTRUSTED");
    });

    const untrusted: [string, TestCertificate, RegExp][] = [
      [
        "of another authority",
        issuedBy(other, { algorithm: "p256" }),
        /name the certificate of that authority/,
      ],
      ["signed by itself", selfSigned({ algorithm: "p256", cn: "me" }), /signed by itself; name it as CA/],
      [
        "for another name",
        issuedBy(authority, { algorithm: "p256", sans: ["kes.example.com", "10.0.0.1"] }),
        /made for kes\.example\.com, 10\.0\.0\.1, not for 127\.0\.0\.1/,
      ],
      [
        "that has ended",
        issuedBy(authority, { algorithm: "p256", notBefore: new Date(0), notAfter: new Date(1_000_000_000) }),
        /has ended; renew it on the server/,
      ],
      [
        "of the future",
        issuedBy(authority, { algorithm: "p256", notBefore: new Date(Date.now() + HOUR_MS) }),
        /not valid yet; look at this machine's clock/,
      ],
    ];
    for (const [what, certificate, message] of untrusted) {
      it(`and refuse one ${what}, unless nothing is to be checked`, async () => {
        await served(certificate, async () => {
          const error = await failure(() => transport({ ca: authority.certPem }));
          expect(error.code).to.equal("SERVER_UNTRUSTED");
          expect(error.message).to.match(message);
          expect(server.calls).to.have.length(0);
          expect(await transport({ insecure: true }).send(get)).to.have.property("status", 200);
        });
      });
    }

    it("and say when there is nothing to check it by", async () => {
      const empty = join(dir, "empty");
      await writeFile(empty, "");
      for (const [ca, message] of [
        [join(dir, "none"), /none': no such file or folder/],
        [empty, /empty' has no PEM certificate/],
        ["-----BEGIN CERTIFICATE-----\n", /the text has no PEM certificate/],
      ] as const) {
        const error = await failure(() => transport({ ca }));
        expect(error.code).to.equal("CLIENT_OPTIONS_INVALID");
        expect(error.message).to.match(message);
      }
    });
  });

  describe("are told what a server has against the client's certificate", () => {
    const authority = certificateAuthority({ algorithm: "p256" });
    const own = selfSigned({ algorithm: "p256" });
    for (const version of ["TLSv1.3", "TLSv1.2"] as const) {
      for (const http2 of [true, false]) {
        for (const [what, settings, certificate, message] of [
          ["there is none", {}, undefined, /wants one; give an API key/],
          [
            "its authority is unknown",
            { verifyCertificate: true },
            client,
            /do not accept the client's certificate/,
          ],
        ] as const) {
          it(`when ${what}, over ${version} and ${http2 ? "HTTP/2" : "HTTP/1.1"}`, async () => {
            const context = createSecureContext({
              key: own.keyPem,
              cert: own.certPem,
              ca: authority.certPem,
              maxVersion: version,
              sessionIdContext: "test",
            });
            const key = await startTestServer({ tls: { context, ...settings } });
            try {
              const shown =
                certificate === undefined
                  ? {}
                  : { certificate: certificate.certPem, key: certificate.keyPem };
              const options = { endpoints: key.url, ca: own.certPem, http2, environment: {}, ...shown };
              const made = createTransport(options, {
                timing: { ...defaultTiming, pauseMs: 1, pauseJitterMs: 1 },
              });
              open.push(made);
              const error = await failure(() => made);
              // Node.js ends the connection without an alert, so that it is a guess.
              const code = certificate === undefined ? /^CERTIFICATE_REFUSED$/ : /_UNREACHABLE$|_LOST$/;
              expect(error.code).to.match(code);
              expect(error.message).to.match(message);
            } finally {
              await key.close();
            }
          });
        }
      }
    }
  });

  it("do not keep the process alive when nothing is under way", async () => {
    for (const http2 of [true, false]) {
      const options = { endpoints: server.url, ca: server.ca.certPem, http2, environment: {} };
      const script = `
        import { createTransport } from ${JSON.stringify(new URL("../../src/client/http-transport.ts", import.meta.url))};
        const transport = createTransport(${JSON.stringify({ ...options, certificate: client.certPem, key: client.keyPem })});
        const reply = await transport.send({ method: "GET", path: "/version", repeatable: true });
        console.log(reply.status);`;
      const ended = await run([process.execPath, "--import", "tsx", "--input-type=module", "-e", script]);
      expect(ended).to.deep.include({ code: 0, stdout: "200\n" });
    }
  });

  it("resume TLS sessions, over both versions of HTTP", async () => {
    for (const http2 of [true, false]) {
      const own = transport({ http2 });
      for (let i = 0; i < 3; i++) {
        await own.send(get);
        skippedMs += HOUR_MS;
      }
    }
    expect(server.connections.map(({ protocol, isResumed }) => `${protocol} ${isResumed}`)).to.deep.equal([
      "h2 false",
      "h2 true",
      "h2 true",
      "http/1.1 false",
      "http/1.1 true",
      "http/1.1 true",
    ]);
    expect(new Set(server.connections.map(({ identity }) => identity))).to.deep.equal(
      new Set([client.identity]),
    );
  });

  it("use HTTP/1.1 where there is nothing else, and keep the connection", async () => {
    await server.close();
    server = await startRecordingServer({ http2: false });
    const own = transport();
    for (let i = 0; i < 5; i++) await own.send(get);
    expect(server.connections.map(({ protocol }) => protocol)).to.deep.equal(["http/1.1"]);
    const many = Array.from({ length: 20 }, (_, i) => Buffer.from(`body ${i}`));
    const replies = await Promise.all(many.map((body) => own.send({ ...get, method: "PUT", body })));
    expect(replies.map(({ body }) => body.toString())).to.deep.equal(many.map(String));
    expect(server.connections.length).to.be.within(2, 20);
  });

  it("refuse a time limit that is none, and bear one without end", async () => {
    for (const timeoutMs of [-1, Number.NaN]) {
      expect((await failure(() => transport().send({ ...get, timeoutMs }))).code).to.equal(
        "CLIENT_OPTIONS_INVALID",
      );
    }
    for (const timeoutMs of [0, 1e12, Number.POSITIVE_INFINITY]) {
      expect(await transport().send({ ...get, timeoutMs })).to.have.property("status", 200);
    }
  });

  it("send base path, port and name as they were given", async () => {
    const own = transport({ endpoints: `localhost:${server.port}/kes/` });
    const reply = await own.send(get);
    expect(reply.endpoint).to.equal(`https://localhost:${server.port}/kes`);
    expect(server.calls[0]).to.include({ path: "/kes/version" });
    expect(server.calls[0]?.headers).to.include({ ":authority": `localhost:${server.port}` });
  });

  describe("through a proxy", () => {
    let proxy: Server;
    let asked: IncomingMessage[];
    let tunnels: Set<Socket>;
    let accept: (request: IncomingMessage) => number;
    beforeEach(async () => {
      asked = [];
      tunnels = new Set();
      accept = () => 200;
      proxy = createServer();
      proxy.on("connect", (request, socket: Socket) => {
        asked.push(request);
        tunnels.add(socket);
        socket.on("error", () => undefined);
        const status = accept(request);
        if (status !== 200) {
          socket.end(`HTTP/1.1 ${status} No\r\ncontent-length: 0\r\n\r\n`);
          return;
        }
        const through = connect(server.port, "127.0.0.1", () => socket.write("HTTP/1.1 200 OK\r\n\r\n"));
        through.on("error", () => undefined);
        socket.pipe(through).pipe(socket);
        socket.on("close", () => through.destroy());
      });
      await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
      await server.close();
      server = await startRecordingServer({ ca: selfSigned({ algorithm: "p256", sans: ["kes.test"] }) });
    });
    afterEach(async () => {
      for (const socket of tunnels) socket.destroy();
      await new Promise((resolve) => proxy.close(resolve));
    });
    const proxied = (login = "", environment = {}): Transport => {
      const address = proxy.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      return transport({
        endpoints: "kes.test",
        environment: { HTTPS_PROXY: `http://${login}127.0.0.1:${port}`, ...environment },
      });
    };

    it("reach the server, which sees the client's certificate", async () => {
      const own = proxied("me:pass%21@");
      expect(await own.send(get)).to.include({ status: 200, endpoint: "https://kes.test:7373" });
      expect(await own.send(get)).to.have.property("status", 200);
      expect(asked.map(({ url }) => url)).to.deep.equal(["kes.test:7373"]);
      expect(asked[0]?.headers).to.include({
        host: "kes.test:7373",
        "proxy-authorization": `Basic ${Buffer.from("me:pass!").toString("base64")}`,
      });
      expect(server.connections[0]).to.include({ identity: client.identity, protocol: "h2" });
    });

    it("say when it refuses, and never its password", async () => {
      accept = () => 407;
      const error = await failure(() => proxied("me:hunter2@"));
      expect(error.code).to.equal("ENDPOINT_UNREACHABLE");
      expect(error.message)
        .to.match(/proxy 127\.0\.0\.1:\d+: 407 No/)
        .and.not.include("hunter2");
    });

    it("do not go there when NO_PROXY says so", async () => {
      const error = await failure(() => proxied("", { NO_PROXY: ".test" }));
      expect(error.code).to.equal("ENDPOINT_UNREACHABLE");
      expect(error.message).to.match(/name/);
      expect(asked).to.have.length(0);
    });
  });

  describe("give up in time", () => {
    it("when nobody shakes hands, or nobody is there, or no TLS is spoken", async () => {
      const sockets = new Set<Socket>();
      const mute = createTcpServer((socket) => sockets.add(socket));
      await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
      const plain = createServer((_request, response) => response.end("hello"));
      await new Promise<void>((resolve) => plain.listen(0, "127.0.0.1", resolve));
      const portOf = (one: { address(): unknown }): number => (one.address() as { port: number }).port;
      try {
        for (const [port, connectMs, message] of [
          [portOf(mute), 1_000, /no TLS handshake within 1000 ms/],
          [1, 10_000, /connection refused/],
          [portOf(plain), 10_000, /speaks no TLS/],
        ] as const) {
          const error = await failure(() => transport({ endpoints: `127.0.0.1:${port}` }, { connectMs }));
          expect(error.code).to.equal("ENDPOINT_UNREACHABLE");
          expect(error.message).to.match(message);
        }
      } finally {
        for (const socket of sockets) socket.destroy();
        await Promise.all([mute, plain].map((one) => new Promise((resolve) => one.close(resolve))));
      }
    });

    it("when the signal is aborted: before, while connecting, while waiting", async () => {
      const own = transport();
      const reason = new Error("no longer wanted");
      const outcome = (signal: AbortSignal): Promise<unknown> =>
        own.send({ ...get, signal }).catch((error: unknown) => error);
      expect(await outcome(AbortSignal.abort(reason))).to.equal(reason);
      expect(server.connections).to.have.length(0);
      const connecting = new AbortController();
      const pending = outcome(connecting.signal);
      connecting.abort(reason);
      expect(await pending).to.equal(reason);
      const waiting = new AbortController();
      server.handle = () => waiting.abort(reason);
      expect(await outcome(waiting.signal)).to.equal(reason);
    });
  });

  for (const http2 of [true, false]) {
    describe(`stream answers over ${http2 ? "HTTP/2" : "HTTP/1.1"}`, () => {
      const stream = async (own: Transport, signal?: AbortSignal): Promise<ApiStream> => {
        const reply = await own.stream({ ...get, timeoutMs: 0, ...(signal === undefined ? {} : { signal }) });
        if ("status" in reply) return expect.fail(`status ${reply.status}`);
        return reply;
      };
      const until = async (holds: () => boolean): Promise<void> => {
        const endMs = Date.now() + 15_000;
        while (!holds()) {
          if (Date.now() > endMs) expect.fail("it did not come to that");
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      };

      it("as they come, to their end", async () => {
        server.handle = (call) => {
          call.begin(200, "application/x-ndjson; charset=utf-8");
          call.write("one\n");
        };
        const got = await stream(transport({ http2, timeoutMs: 2_000 }));
        expect(got).to.include({ contentType: "application/x-ndjson", endpoint: server.url });
        const lines: string[] = [];
        for await (const chunk of got.body) {
          lines.push(Buffer.from(chunk).toString());
          if (lines.length === 1) {
            // Longer than the time limit, which is for the beginning alone.
            await new Promise((resolve) => setTimeout(resolve, 2_100));
            server.calls[0]?.write("two\n");
          } else server.calls[0]?.end();
        }
        expect(lines).to.deep.equal(["one\n", "two\n"]);
      });

      it("and tell a break from an end", async () => {
        server.handle = (call) => {
          call.begin(200, "text/plain");
          call.write("one\n");
        };
        const got = await stream(transport({ http2 }));
        const lines: string[] = [];
        const read = async (): Promise<void> => {
          for await (const chunk of got.body) {
            lines.push(Buffer.from(chunk).toString());
            server.connections[0]?.socket.destroy();
          }
        };
        expect((await failure(read)).code).to.equal("ANSWER_LOST");
        expect(lines).to.deep.equal(["one\n"]);
      });

      it("until the reader leaves, the signal or the client ends them", async () => {
        let closed = 0;
        server.handle = (call) => {
          (call.stream ?? call.response)?.once("close", () => closed++);
          call.begin(200, "text/plain");
          call.write("one\n");
        };
        const own = transport({ http2 });
        const left = await stream(own);
        for await (const _ of left.body) break;
        await until(() => closed === 1);

        const abort = new AbortController();
        const aborted = await stream(own, abort.signal);
        const reader = aborted.body[Symbol.asyncIterator]();
        await reader.next();
        const pending = reader.next().catch((error: unknown) => error);
        abort.abort(new Error("enough"));
        expect(await pending).to.equal(abort.signal.reason);
        await until(() => closed === 2);

        const last = (await stream(own)).body[Symbol.asyncIterator]();
        await last.next();
        const ended = failure(() => last.next());
        await own.close();
        expect((await ended).code).to.equal("CLIENT_CLOSED");
        await until(() => closed === 3);
      });

      it("no faster than they are read", async () => {
        let sent = 0;
        server.handle = (call) => {
          call.begin(200, "text/plain");
          const more = (): void => {
            while (sent < 64 * 1024 * 1024 && call.write("x".repeat(65_536))) sent += 65_536;
          };
          (call.stream ?? call.response)?.on("drain", more);
          more();
        };
        const got = await stream(transport({ http2 }));
        let before = -1;
        await until(() => {
          const isStill = sent === before;
          before = sent;
          return isStill;
        });
        await new Promise((resolve) => setTimeout(resolve, 50));
        // What fits into buffers of the system and of both sides.
        expect(sent).to.be.below(24 * 1024 * 1024);
        let size = 0;
        for await (const chunk of got.body) {
          size += chunk.length;
          if (size > 32 * 1024 * 1024) break;
        }
        expect(size).to.be.above(32 * 1024 * 1024);
      });

      it("but give a refusal whole", async () => {
        server.handle = (call) => call.reply(403, '{"message":"no"}');
        const reply = await transport({ http2 }).stream({ ...get, timeoutMs: 0 });
        if (!("status" in reply)) return expect.fail();
        expect(reply.status).to.equal(403);
        expect(reply.body.toString()).to.equal('{"message":"no"}');
      });
    });
  }
});
