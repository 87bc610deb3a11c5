import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { connect } from "node:http2";
import type { Socket } from "node:net";
import { expect } from "chai";
import { MemoryKeystore } from "../../keystores/memory/store.js";
import {
  connectRaw,
  continuationFlood,
  dataFrame,
  h2Start,
  headersFrame,
  hpackBomb,
  NO_WINDOW,
  overH1,
  overH2,
  requestFields,
  resetFrame,
  trickle,
  untilClosed,
  withRaw,
} from "../support/attacks.js";
import { until } from "../support/child-process.js";
import { FaultyKeystore } from "../support/faulty-keystore.js";
import { testHttp } from "../support/http-engine.js";
import { named } from "../support/keystore.js";
import { connectTls, readAnswer } from "../support/raw-http1.js";
import { frame } from "../support/raw-http2.js";
import { overHttp1, overHttp2 } from "../support/send.js";
import { type ServerProcess, type ServerStats, startServerProcess } from "../support/server-process.js";
import { startTestServer, type TestServer } from "../support/test-server.js";

const MIB = 1024 * 1024;
/** A frame's type. */
const PING = 0x6;
/** A normal request on a new connection, on a machine that has other things to do. */
const QUICK_MS = 1_500;
const BODY = Buffer.from("{}");
const GENERATE = { method: "PUT", path: "/v1/key/generate/known", body: "{}" } as const;

describe("e2e: hostile transport", function () {
  this.timeout(30_000);
  const limits = { handshakeTimeoutMs: 500, headersTimeoutMs: 500, idleTimeoutMs: 700 };
  let server: ServerProcess;
  let atRest: ServerStats;

  before(async () => {
    server = await startServerProcess({ limits, timeoutsMs: { "/v1/key/encrypt/": 600 }, auditLevel: 8 });
    await overHttp1(server, server.admin, { method: "PUT", path: "/v1/key/create/known" });
    // Loaded at the first request for it, which takes descriptors of its own when it has to be compiled.
    await overHttp1(server, server.admin, { method: "GET", path: "/openapi.json" });
    await serves(server);
    // The connections of that are still being closed.
    await settled(server, { ...(await server.stats(true)), sockets: 4 });
    atRest = await server.stats(true);
  });
  after(() => server?.stop());

  // Whatever was done: others are served at once, and nothing is left of it.
  afterEach(async () => {
    await serves(server);
    await settled(server, atRest);
  });

  describe("header floods", () => {
    it("answers 431 to a header block of 200 KB over HTTP/1.1", async () => {
      const socket = await overH1(server);
      socket.write(`GET /version HTTP/1.1\r\nhost: a\r\nx: ${"a".repeat(200_000)}`);
      expect((await untilClosed(socket)).text).to.match(/^HTTP\/1\.1 431 /);
    });

    it("honours a Content-Length that is the 4,000th header, or refuses so many", async () => {
      const socket = await overH1(server);
      const many = Array.from({ length: 4_000 }, (_, i) => `x${i}: 1\r\n`).join("");
      const body = JSON.stringify({ context: Buffer.from("bound").toString("base64") });
      socket.write(`PUT /v1/key/generate/known HTTP/1.1\r\nhost: a\r\n${many}`);
      socket.write(`content-length: ${body.length}\r\n\r\n${body}`);
      const { status, body: reply } = await readAnswer(socket);
      socket.destroy();
      if (testHttp === "keswick") return void expect(status).to.equal(431);
      expect(status).to.equal(200);
      const { ciphertext } = JSON.parse(reply.toString()) as { ciphertext: string };
      // Read as a request without body it would be bound to no context.
      const path = "/v1/key/decrypt/known";
      const unbound = await overHttp2(server, server.admin, {
        method: "PUT",
        path,
        body: JSON.stringify({ ciphertext }),
      });
      expect(unbound.status).to.equal(400);
    });

    it("refuses too many and too large header fields over HTTP/2, and serves the next stream", async () => {
      const socket = await overH2(server);
      const many = Array.from({ length: 500 }, (_, i) => [`x${i}`, "1"] as const);
      socket.write(headersFrame(0, [...requestFields("GET", "/version"), ...many]));
      const large = [...requestFields("GET", "/version"), ["x", "a".repeat(15_000)]] as const;
      socket.write(headersFrame(1, large));
      const { text } = await untilClosed(socket);
      expect(text).to.include("0.0.0-test");
    });

    it("ends a connection that sends CONTINUATION frames without end", async () => {
      for (const bytes of [1, 8_000]) {
        const socket = await overH2(server);
        socket.write(continuationFlood(4_000, bytes));
        const { text } = await untilClosed(socket);
        expect(text).not.to.include("0.0.0-test");
      }
    });

    it("does not unpack an HPACK bomb", async () => {
      const bombs = Array.from({ length: 20 }, async () => {
        const socket = await overH2(server);
        socket.write(hpackBomb(12_000));
        return untilClosed(socket);
      });
      for (const { text } of await Promise.all(bombs)) expect(text).not.to.include("0.0.0-test");
    });
  });

  describe("time-outs", () => {
    it("ends a handshake that is not done in time", async () => {
      const silent = await untilClosed(await connectRaw(server.port));
      expect(silent.ms).to.be.within(300, 2_500);
      // The head of a TLS record that never comes.
      const begun = await connectRaw(server.port);
      begun.write(Buffer.from([22, 3, 1, 2, 0]));
      trickle(begun, "\x01", 20);
      expect((await untilClosed(begun)).ms).to.be.within(300, 2_500);
    });

    it("ends connections on which no request comes", async () => {
      const received = await Promise.all([
        overH1(server).then(untilClosed),
        overH2(server).then(untilClosed),
        // No HTTP/2 preface either.
        connectTls(server.port, server.admin, { ALPNProtocols: ["h2"] }).then(untilClosed),
      ]);
      for (const { ms } of received) expect(ms).to.be.within(300, 4_000);
    });

    it("answers 408 to headers that come byte by byte", async () => {
      const socket = await overH1(server);
      socket.write("GET /version HTTP/1.1\r\nhost: a\r\nx: ");
      trickle(socket, "a", 20);
      const { text, ms } = await untilClosed(socket);
      expect(text).to.match(/^HTTP\/1\.1 408 /);
      expect(ms).to.be.within(300, 3_000);
    });

    it("answers 408 to a body slower than its route's deadline, over HTTP/1.1", async () => {
      const socket = await overH1(server);
      socket.write("PUT /v1/key/encrypt/known HTTP/1.1\r\nhost: a\r\ncontent-length: 5000\r\n\r\n");
      trickle(socket, "1", 20);
      const { text, ms } = await untilClosed(socket);
      expect(text).to.match(/^HTTP\/1\.1 408 /);
      expect(text).to.include('{"message":"request body was not received in time"\n}');
      expect(text.toLowerCase()).to.include("connection: close");
      expect(ms).to.be.within(500, 3_000);
    });

    it("answers 408 to a body slower than its route's deadline, over HTTP/2", async () => {
      const session = connect(server.url, { ca: server.ca.certPem, ...pem(server) });
      session.on("error", () => undefined);
      const stream = session.request({ ":method": "PUT", ":path": "/v1/key/encrypt/known" });
      const timer = setInterval(() => stream.destroyed || stream.write("1"), 20);
      stream.on("error", () => undefined);
      const status = await new Promise((resolve) => stream.on("response", (got) => resolve(got[":status"])));
      clearInterval(timer);
      expect(status).to.equal(408);
      // The connection is as good as before.
      const next = session.request({ ":path": "/version" });
      expect(await new Promise((resolve) => next.on("response", (got) => resolve(got[":status"])))).to.equal(
        200,
      );
      session.destroy();
    });
  });

  describe("clients that do not read", () => {
    it("closes an HTTP/1.1 connection whose answers are not taken", async () => {
      const { socket } = await withRaw(server, "http/1.1");
      socket.pause();
      // One after the other until the kernel takes no more, then for longer than the server waits.
      const timer = setInterval(() => socket.write("GET /openapi.json HTTP/1.1\r\nhost: a\r\n\r\n"), 3);
      let unsent = 0;
      await until("answers to pile up", async () => {
        unsent = Math.max(unsent, (await server.stats()).heapBytes - atRest.heapBytes);
        return socket.destroyed;
      });
      clearInterval(timer);
      expect(unsent).to.be.below(32 * MIB);
    });

    it("ends a connection that sends hundreds of requests at once and takes no answer", async () => {
      const { socket } = await withRaw(server, "http/1.1");
      socket.pause();
      const request = "GET /v1/metrics HTTP/1.1\r\nhost: a\r\n\r\n";
      const timer = setInterval(() => socket.write(request.repeat(500)), 3);
      await until("the connection to end", async () => socket.destroyed);
      clearInterval(timer);
    });

    it("closes an HTTP/2 connection that opens no window", async () => {
      const socket = await overH2(server, NO_WINDOW);
      const all = Array.from({ length: 250 }, (_, i) => headersFrame(i, requestFields("GET", "/v1/api")));
      socket.write(Buffer.concat(all));
      const { ms } = await untilClosed(socket);
      expect(ms).to.be.within(500, 5_000);
    });
  });

  describe("connections that break", () => {
    const head = "PUT /v1/key/generate/known HTTP/1.1\r\nhost: a\r\ncontent-length: 40\r\n";
    const phases: Readonly<Record<string, () => Promise<Socket>>> = {
      "after the TCP connection": () => connectRaw(server.port),
      "in the handshake": async () => {
        const socket = await connectRaw(server.port);
        socket.write(Buffer.from([22, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3]));
        return socket;
      },
      "after the handshake": () => started("http/1.1"),
      "in the headers": () => started("http/1.1", head),
      "in the body": () => started("http/1.1", `${head}\r\n{"context":`),
      "before the answer": () => started("http/1.1", `${head}\r\n${"{}".padEnd(40)}`),
      "in an HTTP/2 stream": () =>
        started("h2", h2Start(), openStream, dataFrame(0, Buffer.from("{")), openStream.subarray(0, 20)),
      "before an HTTP/2 answer": () => started("h2", h2Start(), openStream, dataFrame(0, BODY, true)),
    };
    const openStream = headersFrame(0, requestFields("PUT", "/v1/key/generate/known"), true);
    /** The TCP connection under a TLS connection on which `bytes` were sent. */
    async function started(
      protocol: "h2" | "http/1.1",
      ...bytes: readonly (string | Buffer)[]
    ): Promise<Socket> {
      const { socket, raw } = await withRaw(server, protocol);
      for (const piece of bytes) socket.write(piece);
      return raw;
    }

    for (const [phase, open] of Object.entries(phases)) {
      it(`survives resets ${phase}`, async () => {
        const sockets = await Promise.all(Array.from({ length: 20 }, open));
        for (const socket of sockets) socket.resetAndDestroy();
      });
    }

    it("closes half-closed connections", async () => {
      const request = `${head}\r\n${"{}".padEnd(40)}`;
      for (const bytes of ["", "GET /ver", `${head}\r\n{`, request]) {
        const { socket } = await withRaw(server, "http/1.1");
        socket.end(bytes);
        await untilClosed(socket);
      }
    });

    it("survives connections that come and go", async () => {
      for (let round = 0; round < 10; round++) {
        const sockets = await Promise.all(Array.from({ length: 100 }, () => connectRaw(server.port)));
        for (const socket of sockets) socket.destroy();
      }
      for (let round = 0; round < 5; round++) {
        const sockets = await Promise.all(Array.from({ length: 10 }, () => overH1(server)));
        for (const socket of sockets) socket.destroy();
      }
    });
  });

  describe("HTTP/2 streams that are reset", () => {
    it("survives thousands of requests that are reset at once", async () => {
      const socket = await overH2(server);
      for (let i = 0; i < 5_000; i++) {
        const fields = requestFields("PUT", "/v1/key/generate/known");
        socket.write(Buffer.concat([headersFrame(i, fields, i % 2 === 0), resetFrame(i)]));
      }
      await untilClosed(socket);
    });

    it("survives bodies that are not as long as they say, among others", async () => {
      const fields = requestFields("PUT", "/v1/key/generate/known");
      const wrong = [...fields, ["content-length", "5"]] as const;
      for (let round = 0; round < 10; round++) {
        const socket = await overH2(server);
        // Many at once: Node tells of a stream some time after it has come, and this one has been reset by then.
        const all = Array.from({ length: 100 }, (_, i) =>
          Buffer.concat([headersFrame(i, i % 10 === 9 ? wrong : fields, true), dataFrame(i, BODY, true)]),
        );
        socket.write(Buffer.concat(all));
        await settledOrOpen(socket);
        socket.destroy();
      }
      expect(server.hasEnded).to.equal(false);
    });

    it("survives pings, settings and priorities without number", async () => {
      const flood: readonly Buffer[] = [
        frame(0x6, 0, 0, Buffer.alloc(8)),
        frame(0x4, 0, 0, Buffer.from([0, 3, 0, 0, 0, 100])),
        frame(0x2, 0, 1, Buffer.from([0, 0, 0, 0, 16])),
        frame(0x8, 0, 0, Buffer.from([0, 0, 0, 1])),
      ];
      for (const one of flood) {
        const socket = await overH2(server);
        socket.pause();
        socket.write(Buffer.concat(Array.from({ length: 20_000 }, () => one)));
        await settledOrOpen(socket);
        socket.destroy();
      }
    });

    it("ends a connection that opens more streams than it may", async () => {
      const socket = await overH2(server, NO_WINDOW);
      const all = Array.from({ length: 2_000 }, (_, i) =>
        headersFrame(i, requestFields("PUT", "/v1/key/encrypt/known"), true),
      );
      socket.write(Buffer.concat(all));
      await untilClosed(socket);
    });
  });

  describe("no TLS", () => {
    it("tells a plain HTTP client what is wrong", async () => {
      const socket = await connectRaw(server.port);
      socket.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
      const { text } = await untilClosed(socket);
      expect(text).to.equal(
        "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
      );
    });

    it("ends a connection that speaks something else", async () => {
      const garbage = [
        randomBytes(4_096),
        Buffer.alloc(4_096),
        Buffer.from("SSH-2.0-OpenSSH_9.9\r\n"),
        // A record that claims 65,535 bytes, and an SSLv2 hello.
        Buffer.concat([Buffer.from([22, 3, 1, 0xff, 0xff]), Buffer.alloc(65_535)]),
        Buffer.from([0x80, 0x2e, 1, 0, 2, 0, 21, 0, 0, 0, 16]),
      ];
      for (const bytes of garbage) {
        const socket = await connectRaw(server.port);
        socket.write(bytes);
        await untilClosed(socket);
      }
    });

    it("refuses a second handshake on a connection", async () => {
      const options = { ALPNProtocols: ["http/1.1"], maxVersion: "TLSv1.2" } as const;
      const socket = await connectTls(server.port, server.admin, options);
      let handshakes = 0;
      socket.on("secure", () => handshakes++);
      const closed = untilClosed(socket);
      socket.renegotiate({}, () => undefined);
      await closed;
      expect(handshakes).to.equal(0);
      expect((await closed).ms).to.be.below(limits.idleTimeoutMs - 100);
    });

    it("ends a connection on which a record is broken", async () => {
      for (const protocol of ["h2", "http/1.1"] as const) {
        const { socket, raw } = await withRaw(server, protocol);
        const closed = untilClosed(socket);
        raw.write(randomBytes(100));
        expect((await closed).ms).to.be.below(limits.idleTimeoutMs - 100);
      }
    });
  });
});

describe("e2e: clients that leave while the keystore is asked", () => {
  let server: TestServer;
  let keystore: FaultyKeystore;

  beforeEach(async () => {
    keystore = new FaultyKeystore(new MemoryKeystore());
    server = await startTestServer({ keystore });
    await overHttp1(server, server.admin, { method: "PUT", path: "/v1/key/create/known" });
    server.server.state.services.keys.forget(named("known"));
    keystore.script = [{ method: "get", fault: { kind: "hang" } }];
  });
  afterEach(async () => {
    keystore.script = [];
    keystore.release();
    await server.close();
  });

  const recorded = (): number => server.stdout().split(" res.code=499 ").length - 1;

  it("are not waited for, over HTTP/2", async () => {
    const socket = await overH2(server);
    const fields = requestFields("PUT", "/v1/key/generate/known");
    const all = Array.from({ length: 200 }, (_, i) => headersFrame(i, fields));
    socket.write(Buffer.concat(all));
    await until("the keystore to be asked", async () => keystore.hanging === 1);
    // CANCEL and NO_ERROR: Node ends a stream at once after the first, and step by step after the second.
    socket.write(Buffer.concat(all.map((_, i) => resetFrame(i, i % 2 === 0 ? 8 : 0))));
    await until("all to be recorded", async () => recorded() === 200);
    socket.destroy();
    keystore.script = [];
    keystore.release();
    expect((await overHttp2(server, server.admin, GENERATE)).status).to.equal(200);
  });

  it("are not waited for, over HTTP/1.1", async () => {
    const sockets = await Promise.all(Array.from({ length: 20 }, () => overH1(server)));
    for (const socket of sockets) socket.write("PUT /v1/key/generate/known HTTP/1.1\r\nhost: a\r\n\r\n");
    await until("the keystore to be asked", async () => keystore.hanging === 1);
    for (const socket of sockets) socket.destroy();
    await until("all to be recorded", async () => recorded() === 20);
  });

  it("do not take the key with them that they have created", async () => {
    keystore.script = [{ method: "create", fault: { kind: "hang" } }];
    const socket = await overH2(server);
    socket.write(headersFrame(0, requestFields("PUT", "/v1/key/create/made")));
    await until("the keystore to be asked", async () => keystore.hanging === 1);
    socket.write(resetFrame(0));
    await until("the request to be recorded", async () => recorded() === 1);
    expect(server.stdout()).to.include("the key may or may not exist");
    keystore.script = [];
    keystore.release();
    await until("the key to be there", async () => {
      const answer = await overHttp2(server, server.admin, { ...GENERATE, path: "/v1/key/generate/made" });
      return answer.status === 200;
    });
    socket.destroy();
  });
});

/** The limits of this process as Linux shows them; elsewhere nothing is known of them. */
function limits(): string {
  return existsSync("/proc/self/limits") ? readFileSync("/proc/self/limits", "utf8") : "";
}

/** 10,000, or what the limit of descriptors of each process allows. */
function idleConnections(): number {
  const limit = /^Max open files\s+(\d+)/m.exec(limits())?.[1];
  const count = Math.min(10_000, Number(limit ?? 1024) - 600);
  if (count < 10_000) console.log(`only ${count} idle connections: a process may open ${limit} files`);
  return count;
}

describe("e2e: too many connections", function () {
  this.timeout(60_000);

  it("serves others while 10,000 connections stand idle, and is rid of them after", async () => {
    // That idle ones are closed in time is shown above; here all must be open at once, however busy the machine.
    const server = await startServerProcess({ limits: { handshakeTimeoutMs: 120_000 }, auditLevel: 8 });
    try {
      await overHttp1(server, server.admin, { method: "PUT", path: "/v1/key/create/known" });
      await serves(server);
      const before = await server.stats(true);
      const open = async (): Promise<number> => (await server.stats()).sockets - before.sockets;
      const idle: Socket[] = [];
      for (const count = idleConnections(); idle.length < count; ) {
        idle.push(...(await openIdle(server.port, Math.min(500, count - idle.length))));
        // Opened faster than they are accepted, some would be dropped by the kernel, and never be missed: a
        // connection that says nothing does not notice.
        await until("all to be accepted", async () => (await open()) >= idle.length, 20_000);
      }
      const during = await server.stats(true);
      expect(during.rssBytes - before.rssBytes).to.be.below(600 * MIB);
      await serves(server);
      for (const socket of idle) socket.destroy();
      await until("all to be forgotten", async () => (await open()) <= 0, 20_000);
      await settled(server, before);
      await serves(server);
    } finally {
      await server.stop();
    }
  });

  it("keeps nothing of HTTP/2 connections that were closed", async () => {
    // With the usual idle time-out: what a timer holds would stay for a minute and a half.
    const server = await startServerProcess({ auditLevel: 8 });
    const comeAndGo = async (count: number): Promise<number> => {
      for (let i = 0; i < count; i += 10) {
        const sockets = await Promise.all(Array.from({ length: 10 }, () => overH2(server)));
        for (const socket of sockets) socket.destroy();
      }
      await until("connections to be closed", async () => (await server.stats()).sockets <= 4);
      return (await server.stats(true)).heapBytes;
    };
    try {
      const before = await comeAndGo(100);
      expect((await comeAndGo(300)) - before).to.be.below(300 * 2_000);
    } finally {
      await server.stop();
    }
  });

  it("gives up idle connections for new ones when there may be no more", async () => {
    const limits = { maxConnections: 50, handshakeTimeoutMs: 20_000 };
    const server = await startServerProcess({ limits, auditLevel: 8 });
    try {
      await overHttp1(server, server.admin, { method: "PUT", path: "/v1/key/create/known" });
      // In use: it was there before the idle ones, and stays.
      const used = await overH1(server);
      const ask = async (): Promise<number> => {
        used.write("GET /version HTTP/1.1\r\nhost: a\r\n\r\n");
        return (await readAnswer(used)).status;
      };
      expect(await ask()).to.equal(200);
      await openIdle(server.port, 200);
      expect(await ask()).to.equal(200);
      await serves(server);
      // Handshakes that were completed, too: the one unused for longest goes first.
      const established = [];
      for (let i = 0; i < 70; i++) {
        established.push(await connectTls(server.port, server.admin, { ALPNProtocols: ["h2"] }));
        if (i % 20 === 0) expect(await ask()).to.equal(200);
      }
      await serves(server);
      expect(await ask()).to.equal(200);
      for (const socket of established) socket.destroy();
      used.destroy();
    } finally {
      await server.stop();
    }
  });

  it("recovers when the process had no descriptor left", async () => {
    // As if the limit had not been known: the kernel refuses, not we.
    const limits = { maxConnections: 10_000, handshakeTimeoutMs: 20_000 };
    const server = await startServerProcess({ limits, auditLevel: 8 }, 200);
    try {
      await overHttp1(server, server.admin, { method: "PUT", path: "/v1/key/create/known" });
      const idle = await openIdle(server.port, 400);
      for (const socket of idle) socket.destroy();
      await until("the server to accept again", () =>
        overHttp2(server, server.admin, GENERATE).then(
          ({ status }) => status === 200,
          () => false,
        ),
      );
      await serves(server);
    } finally {
      await server.stop();
    }
  });
});

/** Opens connections that say nothing, as many at a time as the kernel queues. */
async function openIdle(port: number, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const batch = Math.min(250, count - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: batch }, () => connectRaw(port)))));
  }
  return sockets;
}

/** Others are served at once, over both versions of HTTP. */
async function serves(server: ServerProcess): Promise<void> {
  for (const send of [overHttp1, overHttp2]) {
    const startedMs = performance.now();
    const { status } = await send(server, server.admin, GENERATE);
    expect(status).to.equal(200);
    expect(performance.now() - startedMs).to.be.below(QUICK_MS);
  }
}

/** Nothing is left: no connection, no descriptor, no memory to speak of. */
async function settled(server: ServerProcess, atRest: ServerStats): Promise<void> {
  let now = await server.stats();
  try {
    await until("connections to be closed", async () => {
      now = await server.stats();
      return now.sockets <= atRest.sockets && now.descriptors <= atRest.descriptors;
    });
    await until("memory to be freed", async () => {
      now = await server.stats(true);
      return now.heapBytes - atRest.heapBytes < 8 * MIB;
    });
  } catch (cause) {
    throw new Error(`left over: ${JSON.stringify({ atRest, now })}`, { cause });
  }
}

/** Resolves when what was written has left, or the connection is gone. */
function settledOrOpen(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once("close", () => resolve());
    socket.write("", () => resolve());
  });
}

function pem({ admin }: ServerProcess): { cert: string; key: string } {
  return { cert: admin.certPem, key: admin.keyPem };
}

describe("e2e: requests whose answers are not taken", function () {
  this.timeout(30_000);
  let server: ServerProcess;

  before(async () => {
    server = await startServerProcess({ auditLevel: 8 });
    await overHttp1(server, server.admin, { method: "GET", path: "/version" });
  });
  after(() => server?.stop());

  it("are not kept, however large: what waits is the answer", async () => {
    const { heapBytes } = await server.stats(true);
    const values = Array.from({ length: 3 }, (_, i) => [`x${i}`, "v".repeat(5_000)] as const);
    const fields = [...requestFields("PUT", "/nowhere"), ...values];
    const sockets = await Promise.all(Array.from({ length: 10 }, () => overH2(server, NO_WINDOW)));
    const pinged = sockets.map((socket) => {
      const seen = { ended: false };
      socket.on("data", (piece: Buffer) => {
        seen.ended ||= piece.includes("all read");
      });
      const all = Array.from({ length: 250 }, (_, i) => headersFrame(i, fields, i % 2 === 0));
      socket.write(Buffer.concat([...all, frame(PING, 0, 0, Buffer.from("all read"))]));
      return seen;
    });
    await until("all to be read", async () => pinged.every(({ ended }) => ended));
    const grown = (await server.stats(true)).heapBytes - heapBytes;
    for (const socket of sockets) socket.destroy();
    // 37 MiB were sent.
    expect(grown).to.be.below(10 * MIB);
  });
});
