/** Many clients at once, whose requests come in pieces cut anywhere: each must get its own answers, and no other's. */
import type { TLSSocket } from "node:tls";
import { ApiClient } from "../support/api-client.js";
import { selfSigned } from "../support/certificates.js";
import { Random } from "../support/http2-fuzz/random.js";
import { Asker, type Question } from "../support/mixed-bodies/questions.js";
import { cut, Http1Wire, Http2Wire, type Wire } from "../support/mixed-bodies/wire.js";
import { connectTls } from "../support/raw-http1.js";
import { startTestServer, type TestServer } from "../support/test-server.js";

const CLIENTS = 24;
/** Runs of requests that each connection sends. */
const ROUNDS = 8;
const DEADLINE_MS = 30_000;

/** Some clients have one run of requests that stops halfway until all others are done; or never goes on. */
type Manner = "steady" | "pausing" | "leaving";
const MANNERS: readonly Manner[] = ["steady", "steady", "pausing", "leaving"];

interface Client {
  readonly name: string;
  readonly manner: Manner;
  readonly socket: TLSSocket;
  readonly wire: Wire;
  readonly asker: Asker;
  round: number;
  questions: readonly Question[];
  pieces: Buffer[];
}

describe("bodies of many clients at a time", function () {
  this.timeout(2 * DEADLINE_MS);
  const certificates = Array.from({ length: CLIENTS }, (_, i) => selfSigned({ cn: `client ${i}` }));
  let server: TestServer;

  before(async () => {
    const policies = Object.fromEntries(
      certificates.map(({ identity }, i) => {
        const calls = ["encrypt", "decrypt", "generate", "bulk/generate", "bulk/decrypt"];
        const allow = calls.map((call) => `/v1/key/${call}/key-${i}`);
        return [`policy-${i}`, { allow, identities: [identity] }];
      }),
    );
    server = await startTestServer({ policies });
    const admin = new ApiClient("h2", server.port, server.admin);
    for (let i = 0; i < CLIENTS; i++) await admin.ok("PUT", `/v1/key/create/key-${i}`);
    admin.close();
  });
  after(() => server.close());

  async function connected(random: Random): Promise<Client[]> {
    return await Promise.all(
      certificates.map(async (certificate, i) => {
        const isHttp2 = i % 3 !== 0;
        const socket = await connectTls(server.port, certificate, {
          ALPNProtocols: [isHttp2 ? "h2" : "http/1.1"],
        });
        const wire = isHttp2 ? new Http2Wire() : new Http1Wire();
        socket.setNoDelay(true);
        socket.on("error", () => socket.destroy());
        socket.on("data", (chunk: Buffer) => wire.read(chunk));
        if (wire.greeting.length > 0) socket.write(wire.greeting);
        const asker = new Asker(new Random(random.int(2 ** 32)), `key-${i}`, certificate.identity);
        const name = `${isHttp2 ? "h2" : "h1"} client ${i}`;
        const manner = MANNERS[Math.floor(i / 3) % MANNERS.length] ?? "steady";
        return { name, manner, socket, wire, asker, round: 0, questions: [], pieces: [] };
      }),
    );
  }

  /** Has the client's next run of requests ready to send. */
  function prepare(random: Random, client: Client): void {
    client.round++;
    client.questions =
      client.round > ROUNDS
        ? [client.asker.last()]
        : Array.from({ length: 1 + random.int(4) }, () => client.asker.next());
    const bytes = client.wire.write(random, client.questions);
    client.pieces = cut(random, bytes, random.pick([1, 4, 12]));
  }

  /** Checks the answers to the last run. @returns false when they have not all come */
  function settle(client: Client): boolean {
    const { answers } = client.wire;
    for (const [i, answer] of answers.entries()) {
      if (answer === undefined) {
        if (client.socket.destroyed) throw new Error(`${client.name}: closed without an answer`);
        return false;
      }
      try {
        client.questions[i]?.check(answer);
      } catch (error) {
        throw new Error(`${client.name}, run ${client.round}: ${String(error)}`, { cause: error });
      }
    }
    return true;
  }

  /** @returns whether the client has nothing more to do for now */
  function step(random: Random, client: Client, othersAreDone: boolean): boolean {
    const isHalfway = client.round === ROUNDS / 2 && client.pieces.length === 1;
    if (isHalfway && client.manner === "leaving") {
      client.socket.destroy();
      client.round = Number.POSITIVE_INFINITY;
      return true;
    }
    if (isHalfway && client.manner === "pausing" && !othersAreDone) return true;
    const piece = client.pieces.shift();
    if (piece !== undefined) {
      // Cut once more, or a run of one piece would have no middle to stop at.
      const at = piece.length > 1 && client.pieces.length === 0 && random.chance(0.3) ? piece.length >> 1 : 0;
      if (at > 0) client.pieces.unshift(piece.subarray(at));
      client.socket.write(at > 0 ? piece.subarray(0, at) : piece);
      return false;
    }
    if (!settle(client)) return false;
    if (client.round > ROUNDS) return true;
    prepare(random, client);
    return false;
  }

  async function play(seed: number): Promise<void> {
    const random = new Random(seed);
    const clients = await connected(random);
    const deadline = performance.now() + DEADLINE_MS;
    try {
      let isDone = clients.map(() => false);
      let othersAreDone = false;
      while (performance.now() < deadline) {
        const active = clients.filter((client) => client.round !== Number.POSITIVE_INFINITY);
        isDone = active.map((client) => random.chance(0.3) || step(random, client, othersAreDone) === false);
        // Everybody once more, for what chance has left out.
        const areQuiet = active.every((client) => step(random, client, othersAreDone));
        if (areQuiet && othersAreDone) return;
        othersAreDone ||= areQuiet;
        await new Promise(setImmediate);
      }
      throw new Error(`not all was answered in time: ${isDone.length} clients are left`);
    } finally {
      for (const { socket } of clients) socket.destroy();
    }
  }

  for (const fixed of [1, 2]) {
    it(`are each answered for their own client (seed ${fixed})`, () => play(fixed));
  }

  it("are each answered for their own client, cut otherwise each time", async () => {
    const seed = Math.floor(Math.random() * 2 ** 32);
    await play(seed).catch((cause) => {
      throw new Error(`seed ${seed}: ${String(cause)}`, { cause });
    });
  });
});
