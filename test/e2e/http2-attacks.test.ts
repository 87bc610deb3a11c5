/** Must hold over real mTLS: attackers are told why they go, others are served meanwhile, and nothing is left of them. */
import { connect } from "node:http2";
import type { TLSSocket } from "node:tls";
import { expect } from "chai";
import { type EngineServer, startEngineServer } from "../support/engine-server.js";
import { serveApp } from "../support/http2-app.js";
import { GET, headers, priority, reset, setting, windowUpdate } from "../support/http2-frames.js";
import { type SentFrame, T } from "../support/http2-session.js";
import { connectTls } from "../support/raw-http1.js";
import { encode, frame, PREFACE } from "../support/raw-http2.js";

const CALM = 0xb;
const ROUNDS = 20_000;
const DEADLINE_MS = 20_000;
const SENT_AHEAD = 40_000;
const id = (nth: number): number => 2 * nth + 1;

describe("our own HTTP/2: attacks over mTLS", function () {
  this.timeout(60_000);
  let server: EngineServer;

  before(async () => {
    server = await startEngineServer({ serve: serveApp });
  });
  after(() => server?.close());

  const attacks: Readonly<Record<string, (nth: number) => readonly Buffer[]>> = {
    "CVE-2023-44487, rapid reset": (nth) => [headers(id(nth), GET), reset(id(nth))],
    "CVE-2025-8671, MadeYouReset": (nth) => [headers(id(nth), never()), windowUpdate(id(nth), 0)],
    "CVE-2024-27316, CONTINUATION flood": (nth) =>
      nth === 0
        ? [frame(T.headers, 1, 1, encode(GET))]
        : [frame(T.continuation, 0, 1, Buffer.alloc(1_000, 0x82))],
    "CVE-2019-9515, SETTINGS flood": () => [setting([4, 65_535])],
    "CVE-2019-9512, PING flood": () => [frame(T.ping, 0, 0, Buffer.alloc(8))],
    "CVE-2019-9513, resource loop": (nth) => [priority(id(nth % 50), 0)],
    "CVE-2019-9511, data dribble": (nth) =>
      nth === 0 ? [setting([4, 0]), headers(1, big())] : [windowUpdate(1, 1)],
  };
  for (const [name, attack] of Object.entries(attacks)) {
    it(name, async () => {
      const attacker = await connectTls(server.port, server.client, { ALPNProtocols: ["h2"] });
      const ended = framesUntilClosed(attacker);
      attacker.write(Buffer.concat([PREFACE, frame(T.settings, 0, 0)]));
      for (let nth = 0; nth < ROUNDS && attacker.writable; nth += 200) {
        const some = Array.from({ length: 200 }, (_, i) => Buffer.concat([...attack(nth + i)]));
        attacker.write(Buffer.concat(some));
        // Between two waves somebody else is served.
        if (nth % 2_000 === 0) expect(await status(server)).to.equal(200);
      }
      const last = (await ended).findLast(({ type }) => type === T.goaway);
      expect(last?.payload.readUInt32BE(4)).to.equal(CALM);
      expect(server.refusals.at(-1)?.[0]).to.equal(429);
    });
  }

  it("has others served while it works off what one client has sent ahead, and answers all of it in its order", async () => {
    const client = await connectTls(server.port, server.client, { ALPNProtocols: ["h2"] });
    const asked = Array.from({ length: SENT_AHEAD }, (_, nth) => headers(id(nth), path("/big/200")));
    const answered: number[] = [];
    let rest = Buffer.alloc(0);
    const done = new Promise<void>((resolve, reject) => {
      client.on("close", () => reject(new Error(`closed after ${answered.length} answers`)));
      client.on("data", (piece: Buffer) => {
        const bytes = Buffer.concat([rest, piece]);
        const frames = wholeFrames(bytes);
        rest = bytes.subarray(frames.reduce((sum, { payload }) => sum + 9 + payload.length, 0));
        for (const { type, stream } of frames) if (type === T.data) answered.push(stream);
        if (answered.length === SENT_AHEAD) resolve();
      });
    });
    const wide = [setting([4, 0x7fff_ffff]), windowUpdate(0, 0x7fff_0000 - 65_535)];
    client.write(Buffer.concat([PREFACE, ...wide, ...asked]));
    expect(await status(server)).to.equal(200);
    await done;
    client.destroy();
    expect(answered).to.deep.equal(Array.from({ length: SENT_AHEAD }, (_, nth) => id(nth)));
  });

  it("leaves no connection behind", async () => {
    const deadline = performance.now() + DEADLINE_MS;
    while (server.size > 0 && performance.now() < deadline) await new Promise((done) => setTimeout(done, 25));
    expect(server.size).to.equal(0);
  });
});

function path(target: string): typeof GET {
  return GET.map(([name, value]) => [name, name === ":path" ? target : value]);
}
const never = (): typeof GET => path("/never");
const big = (): typeof GET => path("/big/100000");

async function status(server: EngineServer): Promise<number> {
  const { certPem: cert, keyPem: key } = server.client;
  const session = connect(server.url, { ca: server.ca.certPem, cert, key });
  try {
    return await new Promise((resolve, reject) => {
      session.on("error", reject);
      const stream = session.request({ ":path": "/late" });
      stream.on("error", reject);
      stream.on("response", (answer) => resolve(Number(answer[":status"])));
      stream.resume();
    });
  } finally {
    session.close();
  }
}

/** Everything that comes; what is cut off at the end is left out. */
function framesUntilClosed(socket: TLSSocket): Promise<SentFrame[]> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    const timer = setTimeout(() => reject(new Error("the connection was not ended")), DEADLINE_MS);
    socket.on("data", (piece: Buffer) => pieces.push(piece));
    // The attacker may still be writing when the server has ended.
    socket.on("error", () => undefined);
    socket.once("close", () => {
      clearTimeout(timer);
      resolve(wholeFrames(Buffer.concat(pieces)));
    });
  });
}

function wholeFrames(bytes: Buffer): SentFrame[] {
  const frames: SentFrame[] = [];
  for (let at = 0; at + 9 <= bytes.length; ) {
    const size = bytes.readUIntBE(at, 3);
    const payload = bytes.subarray(at + 9, at + 9 + size);
    if (payload.length === size) {
      const [type = 0, flags = 0] = bytes.subarray(at + 3, at + 5);
      frames.push({ type, flags, stream: bytes.readUInt32BE(at + 5), payload });
    }
    at += 9 + size;
  }
  return frames;
}
