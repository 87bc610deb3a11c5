/** What the client makes of HTTP/2: one connection for many calls, and what is known when it ends. */
import { createServer, type TLSSocket } from "node:tls";
import { expect } from "chai";
import { systemClock } from "../../src/client/clock.js";
import { createTransport } from "../../src/client/http-transport.js";
import { defaultTiming, type TransportTiming } from "../../src/client/options.js";
import type { ApiRequest, Transport } from "../../src/client/transport.js";
import { KesError } from "../../src/errors.js";
import { selfSigned } from "../support/certificates.js";
import { ACK, END_HEADERS, END_STREAM, frame, HEADERS, PREFACE, SETTINGS } from "../support/raw-http2.js";
import { type RecordingServer, type SeenCall, startRecordingServer } from "../support/recording-server.js";
import { startTestServer } from "../support/test-server.js";

const client = selfSigned({ cn: "client" });
const create: ApiRequest = { method: "PUT", path: "/v1/key/create/a", repeatable: false };
const decrypt: ApiRequest = {
  method: "PUT",
  path: "/v1/key/decrypt/a",
  body: Buffer.from('{"ciphertext":"AAAA"}'),
  repeatable: true,
};

const NGHTTP2_INTERNAL_ERROR = 2;
const NGHTTP2_REFUSED_STREAM = 7;
const NGHTTP2_CANCEL = 8;

function transportTo(url: string, ca: string, timing: Partial<TransportTiming> = {}): Transport {
  return createTransport(
    {
      endpoints: url,
      certificate: client.certPem,
      key: client.keyPem,
      ca,
      timeoutMs: 15_000,
      environment: {},
    },
    { clock: systemClock, timing: { ...defaultTiming, pauseMs: 1, pauseJitterMs: 1, ...timing } },
  );
}

async function outcome(transport: Transport, request: ApiRequest): Promise<string> {
  try {
    return String((await transport.send(request)).status);
  } catch (cause) {
    if (cause instanceof KesError) return cause.code;
    throw cause;
  }
}

async function until(holds: () => boolean): Promise<void> {
  const endMs = Date.now() + 15_000;
  while (!holds()) {
    if (Date.now() > endMs) expect.fail("it did not come to that");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe("a client over HTTP/2", () => {
  let server: RecordingServer;
  let transport: Transport;
  beforeEach(async () => {
    server = await startRecordingServer();
    transport = transportTo(server.url, server.ca.certPem);
  });
  afterEach(async () => {
    await transport.close();
    await server.close();
  });
  /** Handles the first calls so; the others are answered. */
  const first = (times: number, handle: (call: SeenCall) => void): void => {
    let left = times;
    server.handle = (call) => (left-- > 0 ? handle(call) : call.reply(200, call.body));
  };
  const send = (body: string): Promise<string> =>
    transport.send({ ...decrypt, body: Buffer.from(body) }).then((reply) => reply.body.toString());

  it("is what the client offers and the key server takes", async () => {
    const key = await startTestServer();
    const own = createTransport({
      endpoints: key.url,
      certificate: key.admin.certPem,
      key: key.admin.keyPem,
      ca: key.ca.certPem,
    });
    try {
      const reply = await own.send({ method: "GET", path: "/version", repeatable: true });
      expect(reply).to.include({ status: 200, contentType: "application/json", endpoint: key.url });
      expect(JSON.parse(reply.body.toString())).to.have.property("version");
    } finally {
      await own.close();
      await key.close();
    }
    await send("x");
    expect(server.connections.map(({ protocol }) => protocol)).to.deep.equal(["h2"]);
  });

  it("sends 80 calls at a time over one connection, and mixes up none", async () => {
    server.handle = (call) => void setTimeout(() => call.reply(200, call.body), Math.random() * 20);
    const bodies = Array.from({ length: 80 }, (_, i) => `body ${i}`);
    expect(await Promise.all(bodies.map(send))).to.deep.equal(bodies);
    expect(server.connections).to.have.length(1);
  });

  it("opens more connections when the server takes no more streams", async () => {
    const small = await startRecordingServer({ maxStreams: 10 });
    const own = transportTo(small.url, small.ca.certPem);
    try {
      small.handle = (call) => void setTimeout(() => call.reply(200, call.body), 30);
      const bodies = Array.from({ length: 45 }, (_, i) => `body ${i}`);
      const replies = await Promise.all(
        bodies.map((body) => own.send({ ...decrypt, body: Buffer.from(body) })),
      );
      expect(replies.map(({ body }) => body.toString())).to.deep.equal(bodies);
      expect(small.connections.length).to.be.within(2, 5);
    } finally {
      await own.close();
      await small.close();
    }
  });

  it("says what it sends as a key server wants it", async () => {
    await send("{}");
    await transport.send(create);
    await transport.send({ method: "GET", path: "/v1/key/list/*", repeatable: true });
    const [withBody, without, get] = server.calls;
    expect(withBody?.headers).to.include({ "content-type": "application/json", "content-length": "2" });
    expect(without?.headers).to.not.have.any.keys("content-type", "content-length");
    expect(get).to.include({ method: "GET", path: "/v1/key/list/*" });
  });

  it("reads the whole answer when the server says goodbye meanwhile, and then takes a new connection", async () => {
    first(1, (call) => {
      call.session?.goaway(0);
      setTimeout(() => call.reply(200, "late"), 30);
    });
    expect((await transport.send(create)).body.toString()).to.equal("late");
    expect(await outcome(transport, create)).to.equal("200");
    expect(server.calls.map(({ connection }) => connection)).to.deep.equal([0, 1]);
  });

  it("sends again what the server says it has not seen: the create is done once", async () => {
    let earlier: SeenCall | undefined;
    first(2, (call) => {
      if (earlier === undefined) earlier = call;
      else call.session?.goaway(0, earlier.stream?.id ?? 0);
    });
    const pending = send("earlier");
    await until(() => earlier !== undefined);
    expect(await outcome(transport, create)).to.equal("200");
    earlier?.reply(200, earlier.body);
    expect(await pending).to.equal("earlier");
    expect(server.calls.map(({ connection }) => connection)).to.deep.equal([0, 0, 1]);
  });

  it("sends again what the server refused, thrice at most", async () => {
    const again = { ...create, repeatable: true };
    first(1, (call) => call.stream?.close(NGHTTP2_REFUSED_STREAM));
    expect(await outcome(transport, again)).to.equal("200");
    expect(server.calls).to.have.length(2);
    first(99, (call) => call.stream?.close(NGHTTP2_REFUSED_STREAM));
    expect(await outcome(transport, { ...again, timeoutMs: 10_000 })).to.equal("ENDPOINT_UNREACHABLE");
  });

  const losses: Record<string, (call: SeenCall) => void> = {
    // HAProxy does, of requests whose server died.
    "refuses the stream": (call) => call.stream?.close(NGHTTP2_REFUSED_STREAM),
    "resets the stream": (call) => call.stream?.close(NGHTTP2_INTERNAL_ERROR),
    "cancels the stream": (call) => call.stream?.close(NGHTTP2_CANCEL),
    "ends the stream without answer": (call) => call.stream?.close(0),
    "closes the connection": (call) => call.session?.destroy(),
    "ends the session with an error": (call) => call.session?.goaway(NGHTTP2_INTERNAL_ERROR),
    "resets after half of the answer": (call) => {
      call.stream?.respond({ ":status": 200, "content-length": 40 });
      call.stream?.write("half", () => call.stream?.close(NGHTTP2_CANCEL));
    },
    "says that it is done after half of the answer": (call) => {
      call.stream?.respond({ ":status": 200, "content-length": 40 });
      call.stream?.write("half", () => call.stream?.close(0));
    },
    "ends the answer before its length": (call) => {
      call.stream?.respond({ ":status": 200, "content-length": 40 });
      call.stream?.end("half");
    },
  };
  for (const [what, handle] of Object.entries(losses)) {
    it(`never sends a create again when the server ${what}`, async () => {
      first(1, handle);
      expect(await outcome(transport, create)).to.equal("ANSWER_LOST");
      expect(server.calls).to.have.length(1);
    });

    it(`repeats a decrypt when the server ${what}`, async () => {
      first(1, handle);
      expect(await send("body")).to.equal("body");
      expect(server.calls.map(({ body }) => body)).to.deep.equal(["body", "body"]);
    });
  }

  it("loses no call of many when the server restarts under them", async () => {
    let left = 40;
    server.handle = (call) => {
      if (left-- === 1) call.session?.destroy();
      else setTimeout(() => call.stream?.destroyed || call.reply(200, call.body), 20);
    };
    const bodies = Array.from({ length: 60 }, (_, i) => `body ${i}`);
    expect(await Promise.all(bodies.map(send))).to.deep.equal(bodies);
  });

  it("takes no more than 1 MiB", async () => {
    server.handle = (call) => {
      call.begin(200, "application/json");
      const more = (): void => {
        while (call.stream?.destroyed === false && call.write("x".repeat(65_536)));
      };
      call.stream?.on("drain", more);
      more();
    };
    expect(await outcome(transport, decrypt)).to.equal("ANSWER_TOO_LARGE");
    server.handle = (call) => call.reply(200, "x".repeat(1024 * 1024));
    expect((await transport.send(decrypt)).body).to.have.length(1024 * 1024);
  });

  it("cancels the request of a call that is aborted", async () => {
    const abort = new AbortController();
    const cancelled = new Promise((resolve) => {
      server.handle = (call) => {
        call.stream?.once("close", () => resolve(call.stream?.rstCode));
        abort.abort(new Error("enough"));
      };
    });
    const failed = await transport.send({ ...create, signal: abort.signal }).catch((error: unknown) => error);
    expect(failed).to.equal(abort.signal.reason);
    expect(await cancelled).to.equal(NGHTTP2_CANCEL);
    // The connection is as good as before.
    server.handle = (call) => call.reply(200);
    expect(await outcome(transport, decrypt)).to.equal("200");
    expect(server.connections).to.have.length(1);
  });

  it("finds out that a peer is gone without a word", async () => {
    const ca = selfSigned({ algorithm: "p256" });
    const answered: number[] = [];
    let connections = 0;
    const sockets = new Set<TLSSocket>();
    const tls = createServer({
      key: ca.keyPem,
      cert: ca.certPem,
      ALPNProtocols: ["h2"],
      requestCert: true,
      rejectUnauthorized: false,
    });
    tls.on("secureConnection", (socket) => {
      const connection = ++connections;
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.write(frame(SETTINGS, 0, 0));
      let received = Buffer.alloc(0);
      let isPrefaced = false;
      socket.on("data", (chunk: Buffer) => {
        received = Buffer.concat([received, chunk]);
        if (!isPrefaced && received.length < PREFACE.length) return;
        if (!isPrefaced) received = received.subarray(PREFACE.length);
        isPrefaced = true;
        while (received.length >= 9 && received.length >= 9 + received.readUIntBE(0, 3)) {
          const [type, flags] = [received[3], received[4] ?? 0];
          const streamId = received.readUInt32BE(5);
          received = received.subarray(9 + received.readUIntBE(0, 3));
          // The first connection answers its first request and then nothing, not even a ping.
          if (connection === 1 && answered.includes(1)) continue;
          if (type === SETTINGS && (flags & ACK) === 0) socket.write(frame(SETTINGS, ACK, 0));
          if (type !== HEADERS) continue;
          answered.push(connection);
          // Indexed field 8 of the static table: status 200.
          socket.write(frame(HEADERS, END_STREAM | END_HEADERS, streamId, Buffer.from([0x88])));
        }
      });
    });
    await new Promise<void>((resolve) => tls.listen(0, "127.0.0.1", resolve));
    const address = tls.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const own = transportTo(`https://127.0.0.1:${port}`, ca.certPem, {
      staleMs: -1,
      freshMs: -1,
      probeMs: 100,
    });
    const get: ApiRequest = { method: "GET", path: "/version", repeatable: true };
    try {
      expect(await outcome(own, get)).to.equal("200");
      expect(await outcome(own, get)).to.equal("200");
      expect(answered).to.deep.equal([1, 2]);
    } finally {
      await own.close();
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => tls.close(resolve));
    }
  });

  it("asks whether an idle connection stands before a create goes over it", async () => {
    const own = transportTo(server.url, server.ca.certPem, { freshMs: -1 });
    try {
      let pings = 0;
      expect(await outcome(own, decrypt)).to.equal("200");
      const [call] = server.calls;
      call?.session?.on("ping", () => pings++);
      expect(await outcome(own, create)).to.equal("200");
      expect(pings).to.equal(1);
      expect(server.connections).to.have.length(1);
    } finally {
      await own.close();
    }
  });

  it("leaves nothing open when it is closed, and its calls say so", async () => {
    server.handle = () => {};
    const pending = outcome(transport, create);
    await until(() => server.calls.length > 0);
    await transport.close();
    expect(await pending).to.equal("CLIENT_CLOSED");
    expect(await outcome(transport, decrypt)).to.equal("CLIENT_CLOSED");
    await until(() => server.open === 0);
  });
});
