import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { expect } from "chai";
import type { AddressRange } from "../../src/config/config.js";
import { connectRaw, untilClosed } from "../support/attacks.js";
import { until } from "../support/child-process.js";
import { type CliServer, type CliSite, makeCliSite, startCliServer } from "../support/cli-site.js";
import { testHttp } from "../support/http-engine.js";
import { headerV2, v2 } from "../support/proxy-protocol.js";
import { connectTls, readAnswer } from "../support/raw-http1.js";
import { startTestServer, type TestServer } from "../support/test-server.js";

const LOOPBACK: AddressRange = { address: "127.0.0.1", bits: 32, family: "ipv4" };
const WHO = "GET /v1/identity/self/describe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
const V1 = Buffer.from("PROXY TCP4 203.0.113.9 192.0.2.1 51234 7373\r\n");

const start = (proxyProtocol: readonly AddressRange[]): Promise<TestServer> =>
  startTestServer({
    config: { server: { watch: "off", http: testHttp, graceMs: 1_000, proxyProtocol } },
    limits: { headersTimeoutMs: 400 },
  });

/** Status of a request as admin on `raw`, whatever stands before TLS on it. */
async function ask(server: TestServer, raw: Duplex): Promise<number> {
  const socket = await connectTls(server.port, server.admin, { socket: raw, ALPNProtocols: ["http/1.1"] });
  try {
    socket.write(WHO);
    return (await readAnswer(socket)).status;
  } finally {
    socket.destroy();
  }
}

/** The addresses in the audit log, newest last. */
const addresses = (server: TestServer): string[] =>
  [...server.stdout().matchAll(/ req\.ip=(\S+)/g)].map(([, ip = ""]) => ip);

describe("PROXY protocol", function () {
  this.timeout(20_000);
  let behind: TestServer;
  let direct: TestServer;
  before(async () => {
    behind = await start([LOOPBACK]);
    direct = await start([{ ...LOOPBACK, address: "127.0.0.2" }]);
  });
  after(() => Promise.all([behind.close(), direct.close()]));

  const headers: readonly (readonly [why: string, header: Buffer, ip: string])[] = [
    ["version 1", V1, "203.0.113.9"],
    ["version 2", headerV2("203.0.113.10", 4711), "203.0.113.10"],
    ["version 2 with extensions", headerV2("203.0.113.11", 4711, Buffer.alloc(4000)), "203.0.113.11"],
    ["an address of IPv4 in IPv6", Buffer.from("PROXY TCP6 ::ffff:203.0.113.12 ::1 1 2\r\n"), "203.0.113.12"],
    [
      "LOCAL: the load balancer's own address",
      v2(0x20, 0x11, headerV2("203.0.113.9", 1).subarray(16)),
      "127.0.0.1",
    ],
    ["UNKNOWN: the load balancer's own address", Buffer.from("PROXY UNKNOWN\r\n"), "127.0.0.1"],
  ];
  for (const [why, header, ip] of headers) {
    it(`takes the address of ${why}`, async () => {
      const raw = await connectRaw(behind.port);
      raw.write(header);
      expect(await ask(behind, raw)).to.equal(200);
      expect(addresses(behind).at(-1)).to.equal(ip);
    });

    it(`takes the address of ${why}, byte by byte`, async () => {
      const raw = await connectRaw(behind.port);
      // One segment each: the next byte goes out when the one before has been written.
      for (const byte of header.subarray(0, 200)) await written(raw, Buffer.of(byte));
      await written(raw, header.subarray(200));
      expect(await ask(behind, raw)).to.equal(200);
      expect(addresses(behind).at(-1)).to.equal(ip);
    });
  }

  it("leaves TLS bytes that came together with the header to TLS", async () => {
    const raw = await connectRaw(behind.port);
    expect(await ask(behind, prefixed(raw, headerV2("203.0.113.13", 1)))).to.equal(200);
    expect(addresses(behind).at(-1)).to.equal("203.0.113.13");
  });

  it("names the client, and not the load balancer, where a handshake fails", async () => {
    const raw = await connectRaw(behind.port);
    raw.write(headerV2("203.0.113.14", 4711));
    raw.write("GET / HTTP/1.1\r\n\r\n");
    expect((await untilClosed(raw)).text).to.include("400 Bad Request");
    expect(behind.stderr()).to.include(
      "TLS handshake error from 203.0.113.14:4711: client sent an HTTP request",
    );
  });

  const refused: readonly (readonly [why: string, bytes: Buffer, log: string])[] = [
    ["TLS without a header", Buffer.from([0x16, 3, 1, 2, 0, 1]), "no valid PROXY header"],
    ["HTTP", Buffer.from("GET / HTTP/1.1\r\n\r\n"), "no valid PROXY header"],
    ["a malformed header", Buffer.from("PROXY TCP4 a b 1 2\r\n"), "no valid PROXY header"],
    ["a header that is too long", v2(0x21, 0x11, Buffer.alloc(5000)), "no valid PROXY header"],
    ["half a header, and silence", V1.subarray(0, 20), "not sent in time"],
    ["nothing at all", Buffer.alloc(0), "not sent in time"],
  ];
  for (const [why, bytes, log] of refused) {
    it(`refuses ${why}, at once or in time, without a word`, async () => {
      const raw = await connectRaw(behind.port);
      const from = `127.0.0.1:${raw.localPort}`;
      raw.write(bytes);
      const { text, ms } = await untilClosed(raw);
      expect(text).to.equal("");
      expect(ms).to.be.lessThan(2_000);
      expect(behind.stderr()).to.include(`http: PROXY header error from ${from}: ${log}`);
    });
  }

  it("refuses a second header behind the first: it is no TLS", async () => {
    const raw = await connectRaw(behind.port);
    raw.write(Buffer.concat([V1, V1]));
    await untilClosed(raw);
    expect(behind.stderr()).to.include("TLS handshake error from 203.0.113.9:51234");
  });

  it("tells that a connection ended within the header", async () => {
    const raw = await connectRaw(behind.port);
    const line = `PROXY header error from 127.0.0.1:${raw.localPort}: the connection ended within the PROXY header`;
    raw.end(V1.subarray(0, 10));
    await untilClosed(raw);
    await until("the line", async () => behind.stderr().includes(line));
  });

  for (const [why, header] of [
    ["version 1", V1] as const,
    ["version 2", headerV2("203.0.113.9", 1)] as const,
  ]) {
    it(`takes a header of ${why} from others for what it is: no TLS`, async () => {
      const raw = await connectRaw(direct.port);
      const from = `127.0.0.1:${raw.localPort}`;
      raw.write(header);
      await untilClosed(raw);
      expect(direct.stderr()).to.include(`TLS handshake error from ${from}`);
      expect(direct.stdout() + direct.stderr()).to.not.include("203.0.113.9");
    });
  }

  it("serves others without a header", async () => {
    expect(await ask(direct, await connectRaw(direct.port))).to.equal(200);
    expect(addresses(direct).at(-1)).to.equal("127.0.0.1");
  });

  it("counts connections that have not sent their header, and gives the oldest up", async () => {
    const small = await startTestServer({
      config: { server: { watch: "off", http: testHttp, graceMs: 1_000, proxyProtocol: [LOOPBACK] } },
      limits: { maxConnections: 3 },
    });
    try {
      const idle = await Promise.all(Array.from({ length: 3 }, () => connectRaw(small.port)));
      const closed = Promise.race(idle.map((socket) => untilClosed(socket)));
      const raw = await connectRaw(small.port);
      raw.write(headerV2("203.0.113.15", 1));
      expect(await ask(small, raw)).to.equal(200);
      await closed;
      for (const socket of idle) socket.destroy();
    } finally {
      await small.close();
    }
  });

  it("a reload changes from where headers are taken", async () => {
    const server = await start([]);
    try {
      expect(await ask(server, await connectRaw(server.port))).to.equal(200);
      await server.server.reload(async () => ({
        ...server.config,
        server: { watch: "off", http: testHttp, graceMs: 1_000, proxyProtocol: [LOOPBACK] },
      }));
      const raw = await connectRaw(server.port);
      raw.write(headerV2("203.0.113.16", 1));
      expect(await ask(server, raw)).to.equal(200);
      expect(addresses(server).at(-1)).to.equal("203.0.113.16");
    } finally {
      await server.close();
    }
  });
});

/** `raw`, with `header` in the same write as what comes first. */
function prefixed(raw: Socket, header: Buffer): Duplex {
  let first = header;
  const duplex = new Duplex({
    read: () => void raw.resume(),
    write(chunk: Buffer, _encoding, done) {
      raw.write(Buffer.concat([first, chunk]), () => done());
      first = Buffer.alloc(0);
    },
    destroy(error, done) {
      raw.destroy();
      done(error);
    },
  });
  raw.on("data", (chunk) => duplex.push(chunk));
  raw.on("end", () => duplex.push(null));
  return duplex;
}

describe("PROXY protocol with worker processes", function () {
  this.timeout(60_000);
  let site: CliSite;
  let server: CliServer;
  before(async () => {
    site = await makeCliSite();
    const section = "server:\n  workers: 2\n  proxy_protocol: [ 127.0.0.0/8 ]\n";
    await site.configure({ log: "log:\n  audit: on\n", server: section });
    server = await startCliServer(site);
  });
  after(async () => {
    await server?.process.stop();
    await site?.remove();
  });

  it("the worker that gets the connection reads the header", async () => {
    for (let client = 1; client <= 8; client++) {
      const raw = await connectRaw(server.port);
      raw.write(headerV2(`203.0.113.${client}`, client));
      const socket = await connectTls(server.port, site.admin, { socket: raw, ALPNProtocols: ["http/1.1"] });
      socket.write(WHO);
      expect((await readAnswer(socket)).status).to.equal(200);
      socket.destroy();
      await until("the record", async () => server.process.stdout.includes(`req.ip=203.0.113.${client} `));
    }
  });

  it("refuses a connection without header", async () => {
    const raw = await connectRaw(server.port);
    raw.write(Buffer.from([0x16, 3, 1, 2, 0, 1]));
    await untilClosed(raw);
    await until("the line", async () => server.process.stderr.includes("no valid PROXY header"));
  });
});

function written(socket: Socket, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    if (bytes.length === 0) return resolve();
    socket.write(bytes, () => resolve());
  });
}
