/** Many calls at a time: nobody waits longer than need be, and none is in the way of the others. */
import { expect } from "chai";
import { systemClock } from "../../src/client/clock.js";
import { createTransport } from "../../src/client/http-transport.js";
import { defaultTiming, MAX_CONNECTIONS, type TransportTiming } from "../../src/client/options.js";
import type { ApiRequest, Transport } from "../../src/client/transport.js";
import { type RecordingServer, type SeenCall, startRecordingServer } from "../support/recording-server.js";

const get: ApiRequest = { method: "GET", path: "/version", repeatable: true };
const create: ApiRequest = { method: "PUT", path: "/v1/key/create/a", repeatable: false };

describe("many calls of a client at a time", () => {
  let server: RecordingServer;
  let transport: Transport;
  let looks = 0;
  let skippedMs = 0;
  const clock = {
    ...systemClock,
    now: () => {
      looks++;
      return performance.now() + skippedMs;
    },
  };
  const start = async (http2: boolean, timing: Partial<TransportTiming> = {}): Promise<void> => {
    server = await startRecordingServer({ http2 });
    transport = createTransport(
      { endpoints: server.url, ca: server.ca.certPem, timeoutMs: 20_000, environment: {} },
      { clock, timing: { ...defaultTiming, ...timing } },
    );
    looks = 0;
    skippedMs = 0;
  };
  afterEach(async () => {
    await transport.close();
    await server.close();
  });
  const until = async (holds: () => boolean): Promise<void> => {
    const endMs = Date.now() + 15_000;
    while (!holds()) {
      if (Date.now() > endMs) expect.fail("it did not come to that");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };

  it("are served in turn over as many connections as there may be, and each connection wakes one of them", async () => {
    await start(false);
    const calls = 6 * MAX_CONNECTIONS;
    const replies = await Promise.all(Array.from({ length: calls }, () => transport.send(get)));
    expect(replies.every(({ status }) => status === 200)).to.equal(true);
    expect(server.connections.length).to.be.at.most(MAX_CONNECTIONS);
    // Were all of them woken each time, it would be hundreds for each call.
    expect(looks / calls).to.be.below(12);
  });

  it("do not lose their turn to one that was given up", async () => {
    await start(false);
    const held: SeenCall[] = [];
    server.handle = (call) => held.push(call);
    const busy = Array.from({ length: MAX_CONNECTIONS }, () => transport.send(get));
    await until(() => held.length === MAX_CONNECTIONS);
    server.handle = (call) => call.reply(200, call.body);
    const leaving = new AbortController();
    const left = [1, 2, 3].map(() => transport.send({ ...get, signal: leaving.signal }).catch(String));
    const waiting = transport.send(get);
    // In the same turn of the event loop in which the connection becomes free for the first of them.
    held[0]?.response?.on("finish", () => setImmediate(() => leaving.abort("enough")));
    held[0]?.reply(200, "");
    expect(await waiting).to.have.property("status", 200);
    await Promise.all(left);
    for (const call of held.slice(1)) call.reply(200, "");
    await Promise.all(busy);
  });

  it("leave no connection behind that was made for one which was given up", async () => {
    await start(false);
    const held: SeenCall[] = [];
    server.handle = (call) => held.push(call);
    const busy = transport.send(get);
    await until(() => held.length === 1);
    const leaving = new AbortController();
    const left = transport.send({ ...get, signal: leaving.signal }).catch(String);
    leaving.abort("enough");
    await left;
    await until(() => server.connections.length === 2);
    held[0]?.reply(200, "");
    await busy;
    expect(server.open).to.equal(2);
    await transport.close();
    await until(() => server.open === 0);
  });

  it("forget a connection that the server has closed before it was used", async () => {
    await start(false);
    const held: SeenCall[] = [];
    server.handle = (call) => held.push(call);
    const busy = transport.send(get);
    await until(() => held.length === 1);
    const leaving = new AbortController();
    const left = transport.send({ ...create, signal: leaving.signal }).catch(String);
    leaving.abort("enough");
    await left;
    await until(() => server.connections.length === 2);
    server.connections[1]?.socket.end();
    await until(() => server.open === 1);
    server.handle = (call) => call.reply(200, "");
    expect(await transport.send(create)).to.have.property("status", 200);
    expect(server.calls.map(({ connection }) => connection)).to.deep.equal([0, 2]);
    held[0]?.reply(200, "");
    await busy;
  });

  it("may share one signal without a warning of a leak", async () => {
    await start(true);
    const warnings: Error[] = [];
    const onWarning = (warning: Error): unknown => warnings.push(warning);
    process.on("warning", onWarning);
    try {
      const { signal } = new AbortController();
      await Promise.all(Array.from({ length: 50 }, () => transport.send({ ...get, signal })));
      // Warnings come in a later turn.
      await new Promise((resolve) => setImmediate(resolve));
    } finally {
      process.off("warning", onWarning);
    }
    expect(warnings.map(String)).to.deep.equal([]);
  });

  it("that must not be repeated trust no connection which was looked at and not used", async () => {
    await start(false);
    await transport.send(get);
    skippedMs += 60_000;
    // HTTP/1.1 has no way to ask whether the old connection still stands: the first create has a new one made.
    for (let i = 0; i < 3; i++) await transport.send(create);
    const creates = server.calls.filter(({ path }) => path === create.path);
    expect(creates.map(({ connection }) => connection)).to.deep.equal([1, 1, 1]);
  });
});
