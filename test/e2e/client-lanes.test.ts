/** Calls one after another go over HTTP/1.1, which costs less; everything else stays with HTTP/2. */
import { createSecureServer } from "node:http2";
import { expect } from "chai";
import { systemClock } from "../../src/client/clock.js";
import { createTransport } from "../../src/client/http-transport.js";
import { defaultTiming, type TransportTiming } from "../../src/client/options.js";
import type { ApiRequest, Transport } from "../../src/client/transport.js";
import { selfSigned } from "../support/certificates.js";
import { until } from "../support/child-process.js";
import { type RecordingServer, startRecordingServer } from "../support/recording-server.js";

const BEFORE = 10;
const decrypt: ApiRequest = {
  method: "PUT",
  path: "/v1/key/decrypt/a",
  body: Buffer.from('{"ciphertext":"AAAA"}'),
  repeatable: true,
};
const create: ApiRequest = { method: "PUT", path: "/v1/key/create/a", repeatable: false };

describe("lanes of a client", function () {
  this.timeout(60_000);
  let server: RecordingServer;
  let transport: Transport;
  let skippedMs: number;
  const client = selfSigned({ cn: "client" });

  const transportTo = (
    url: string,
    ca: string,
    timing: Partial<TransportTiming> = {},
    http2 = true,
  ): Transport =>
    createTransport(
      {
        endpoints: url,
        certificate: client.certPem,
        key: client.keyPem,
        ca,
        http2,
        timeoutMs: 15_000,
        environment: {},
      },
      {
        clock: { ...systemClock, now: () => performance.now() + skippedMs },
        // A busy machine may pause between two calls.
        timing: { ...defaultTiming, freshMs: 60_000, callsBeforeLane: BEFORE, ...timing },
      },
    );
  beforeEach(async () => {
    skippedMs = 0;
    server = await startRecordingServer();
    transport = transportTo(server.url, server.ca.certPem);
  });
  afterEach(async () => {
    await transport.close();
    await server.close();
  });

  const send = async (request = decrypt, own = transport): Promise<void> => {
    expect((await own.send(request)).status).to.equal(200);
  };
  const protocols = (): string[] => server.connections.map(({ protocol }) => protocol);
  const usedLast = (): string | undefined => protocols()[server.calls.at(-1)?.connection ?? -1];
  /** Calls until one goes over HTTP/1.1. */
  const lane = (own = transport): Promise<void> =>
    until("a lane", async () => {
      await send(decrypt, own);
      return usedLast() === "http/1.1";
    });

  it("are opened for calls one after another, once they are many", async () => {
    for (let i = 0; i < BEFORE - 1; i++) await send();
    expect(protocols()).to.deep.equal(["h2"]);
    await lane();
    for (let i = 0; i < 50; i++) {
      await send();
      expect(usedLast()).to.equal("http/1.1");
    }
    expect(protocols()).to.deep.equal(["h2", "http/1.1"]);
  });

  it("are not for what may happen once only, nor for streams", async () => {
    await lane();
    await send(create);
    expect(usedLast()).to.equal("h2");
    server.handle = (call) => call.begin(200, "application/x-ndjson");
    const reply = await transport.stream({ method: "GET", path: "/v1/log/audit", repeatable: true });
    expect("status" in reply).to.equal(false);
    expect(usedLast()).to.equal("h2");
    server.handle = (call) => call.reply(200, call.body);
    await send();
    expect(usedLast()).to.equal("http/1.1");
  });

  it("are two at most, and none while many calls are under way", async () => {
    const many = async (count: number): Promise<void> => {
      await Promise.all(
        Array.from({ length: count }, async () => {
          for (let i = 0; i < 60; i++) await send();
        }),
      );
    };
    server.handle = (call) => setImmediate(() => call.reply(200, call.body));
    await many(8);
    // The last ones may be alone.
    expect(protocols().filter((protocol) => protocol === "h2")).to.have.length(1);
    await lane();
    await many(2);
    await many(2);
    expect(protocols().filter((protocol) => protocol === "h2")).to.have.length(1);
    expect(protocols().length).to.be.within(2, 3);
  });

  it("that the server closes cost no call, and are opened again", async () => {
    await lane();
    for (let round = 0; round < 3; round++) {
      const index = protocols().lastIndexOf("http/1.1");
      // In the middle of a call, whose answer is lost with it.
      server.handle = (call) => {
        if (call.connection === index) server.connections[index]?.socket.destroy();
        else call.reply(200, call.body);
      };
      await send();
      expect(usedLast()).to.equal("h2");
      server.handle = (call) => call.reply(200, call.body);
      await lane();
    }
    expect(protocols().filter((protocol) => protocol === "h2")).to.have.length(1);
  });

  it("take no call down with a server that restarts", async () => {
    await lane();
    for (const { socket } of server.connections) socket.destroy();
    await send();
    expect(usedLast()).to.equal("h2");
    await lane();
  });

  it("are not trusted when they were idle, as they cannot be asked", async () => {
    await lane();
    skippedMs += 61_000;
    const before = server.connections.length;
    await send();
    expect(usedLast()).to.equal("h2");
    expect(server.connections.length).to.equal(before);
    await until("the lane to be closed", async () => server.open === 1);
  });

  it("are done without where the server has no HTTP/1.1, and asked for more and more rarely", async () => {
    const ca = selfSigned({ algorithm: "p256" });
    const tls = createSecureServer({ key: ca.keyPem, cert: ca.certPem, allowHTTP1: false });
    let refused = 0;
    tls.on("tlsClientError", () => refused++);
    // Of a handshake without a common protocol Node's server makes a connection that it then closes.
    tls.on("unknownProtocol", (socket) => {
      refused++;
      socket.destroy();
    });
    tls.on("stream", (stream) => {
      stream.respond({ ":status": 200, "content-type": "application/json" });
      stream.end("{}");
      stream.resume();
    });
    await new Promise<void>((resolve) => tls.listen(0, "127.0.0.1", resolve));
    const address = tls.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const own = transportTo(`https://127.0.0.1:${port}`, ca.certPem);
    try {
      for (let i = 0; i < BEFORE * 10; i++) await send(decrypt, own);
      await until("the refusal", async () => refused > 0);
      expect(refused).to.equal(1);
    } finally {
      await own.close();
      await new Promise((resolve) => tls.close(resolve));
    }
  });

  it("are no matter where HTTP/1.1 is spoken anyway", async () => {
    const own = transportTo(server.url, server.ca.certPem, {}, false);
    try {
      for (let i = 0; i < BEFORE * 4; i++) await send(decrypt, own);
      expect(protocols()).to.deep.equal(["http/1.1"]);
    } finally {
      await own.close();
    }
  });
});
