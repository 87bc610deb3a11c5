/**
 * What becomes of calls when servers misbehave: `KESWICK_SHOW_TABLE=1 npx mocha test/e2e/client-misbehaving.test.ts`
 * prints the table.
 */
import { expect } from "chai";
import { systemClock } from "../../src/client/clock.js";
import { createTransport } from "../../src/client/http-transport.js";
import { defaultTiming } from "../../src/client/options.js";
import type { ApiRequest, Transport } from "../../src/client/transport.js";
import { KesError } from "../../src/errors.js";
import { selfSigned } from "../support/certificates.js";
import {
  answer,
  type Behaviour,
  type MisbehavingServer,
  raw,
  startMisbehavingServer,
  works,
} from "../support/misbehaving-server.js";

const BODY = JSON.stringify({ ciphertext: "AAAA", context: "e30=" });
/** Longer than anything takes on a busy machine; where a call is to run out of time, the clock is moved. */
const LONG_MS = 15_000;
const client = selfSigned({ cn: "client" });
const shared = selfSigned({ algorithm: "p256" });

/** May be repeated, has a body. */
const decrypt: ApiRequest = {
  method: "PUT",
  path: "/v1/key/decrypt/a",
  body: Buffer.from(BODY),
  repeatable: true,
};
/** Must not be sent twice. */
const create: ApiRequest = { method: "PUT", path: "/v1/key/create/a", repeatable: false };

/** The clock of one client: rests and calls end when the test says so. */
class TestClock {
  skippedMs = 0;
  readonly #waiting = new Set<{ readonly atMs: number; run(): void }>();
  readonly clock = {
    ...systemClock,
    now: () => performance.now() + this.skippedMs,
    after: (delayMs: number, task: () => void): (() => void) => {
      const cancel = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(one);
      };
      const run = (): void => {
        cancel();
        task();
      };
      const timer = setTimeout(run, delayMs);
      const one = { atMs: this.clock.now() + delayMs, run };
      this.#waiting.add(one);
      return cancel;
    },
    // The first of several endpoints is the first in turn.
    random: () => 0,
  };

  /** Lets `ms` pass, with all that was to happen by then. */
  elapse(ms: number): void {
    this.skippedMs += ms;
    const nowMs = this.clock.now();
    for (const one of [...this.#waiting]) if (one.atMs <= nowMs) one.run();
  }
}

/** What hangs on nothing that a test could wait for otherwise. */
async function until(holds: () => boolean): Promise<void> {
  const endMs = Date.now() + 15_000;
  while (!holds()) {
    if (Date.now() > endMs) expect.fail("it did not come to that");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function transportTo(
  servers: readonly MisbehavingServer[],
  time = new TestClock(),
  timeoutMs = LONG_MS,
): Transport {
  return createTransport(
    {
      endpoints: servers.map(({ url }) => url),
      certificate: client.certPem,
      key: client.keyPem,
      ca: servers.map(({ ca }) => ca.certPem).join(""),
      timeoutMs,
      environment: {},
    },
    { clock: time.clock, timing: { ...defaultTiming, pauseMs: 1, pauseJitterMs: 1, probeMs: 2_000 } },
  );
}

/** Status, or code of the error. */
async function outcome(transport: Transport, request: ApiRequest): Promise<string> {
  try {
    return String((await transport.send(request)).status);
  } catch (cause) {
    if (cause instanceof KesError) return cause.code;
    throw cause;
  }
}

const half = '{"plaintext":"AA';
const okHead = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
const slow: Behaviour = ({ socket }) => {
  const text = `${okHead}x: ${"y".repeat(1_000)}`;
  let at = 0;
  const timer = setInterval(() => socket.write(text.slice(at, ++at)), 10);
  socket.once("close", () => clearInterval(timer));
};

/** Of one server: what it does to the first request, and what then becomes of both kinds of calls. */
interface Row {
  readonly does: string;
  readonly behaviour?: Behaviour;
  /** Connections that are reset before the handshake. */
  readonly refuse?: number;
  /** For every request, not the first alone. */
  readonly always?: true;
  readonly decrypt: string;
  /** Requests that the server saw of it; default 1. */
  readonly decrypts?: number;
  readonly create: string;
  readonly creates?: number;
}

const rows: readonly Row[] = [
  { does: "works", decrypt: "200", create: "200" },
  { does: "resets 2 connections before the handshake", refuse: 2, decrypt: "200", create: "200" },
  {
    does: "resets every connection before the handshake",
    refuse: 99,
    decrypt: "ENDPOINT_UNREACHABLE",
    decrypts: 0,
    create: "ENDPOINT_UNREACHABLE",
    creates: 0,
  },
  {
    does: "resets after it read the request",
    behaviour: ({ reset }) => reset(),
    decrypt: "200",
    decrypts: 2,
    create: "ANSWER_LOST",
  },
  {
    does: "closes after it read the request",
    behaviour: raw(""),
    decrypt: "200",
    decrypts: 2,
    create: "ANSWER_LOST",
  },
  {
    does: "always closes after it read the request",
    behaviour: raw(""),
    always: true,
    decrypt: "ANSWER_LOST",
    decrypts: 3,
    create: "ANSWER_LOST",
  },
  {
    does: "closes in the middle of the headers",
    behaviour: raw("HTTP/1.1 200 OK\r\ncontent-ty"),
    decrypt: "200",
    decrypts: 2,
    create: "ANSWER_LOST",
  },
  {
    does: "sends half of the answer, then closes",
    behaviour: raw(`${okHead}content-length: 40\r\n\r\n${half}`),
    decrypt: "200",
    decrypts: 2,
    create: "ANSWER_LOST",
  },
  {
    does: "sends half of a chunked answer, then resets",
    behaviour: ({ socket, reset }) =>
      void socket.write(`${okHead}transfer-encoding: chunked\r\n\r\n10\r\n${half}\r\n`, () => reset()),
    decrypt: "200",
    decrypts: 2,
    create: "ANSWER_LOST",
  },
  {
    does: "sends more than its content-length",
    behaviour: ({ socket }) => void socket.write(`${okHead}content-length: 2\r\n\r\n{}{"more":true}`),
    decrypt: "200",
    create: "200",
  },
  {
    does: "sends two content-lengths",
    behaviour: raw(`${okHead}content-length: 2\r\ncontent-length: 4\r\n\r\n{}{}`),
    always: true,
    decrypt: "ANSWER_INVALID",
    create: "ANSWER_INVALID",
  },
  {
    does: "sends its headers byte by byte",
    behaviour: slow,
    always: true,
    decrypt: "CALL_TIMEOUT",
    create: "ANSWER_LOST",
  },
  { does: "says nothing", behaviour: () => {}, always: true, decrypt: "CALL_TIMEOUT", create: "ANSWER_LOST" },
  {
    does: "begins an answer and stops",
    behaviour: ({ socket }) => void socket.write(`${okHead}content-length: 40\r\n\r\n${half}`),
    always: true,
    decrypt: "CALL_TIMEOUT",
    create: "ANSWER_LOST",
  },
  {
    does: "sends what is not HTTP",
    behaviour: raw("220 mail.example.com ESMTP\r\n"),
    always: true,
    decrypt: "ANSWER_INVALID",
    create: "ANSWER_INVALID",
  },
  {
    does: "sends 20 KiB of headers",
    behaviour: raw(`${okHead}x: ${"y".repeat(20_000)}\r\ncontent-length: 2\r\n\r\n{}`),
    always: true,
    decrypt: "ANSWER_INVALID",
    create: "ANSWER_INVALID",
  },
  {
    does: "says that 1 MiB and a byte will come",
    behaviour: ({ socket }) => void socket.write(`${okHead}content-length: 1048577\r\n\r\n${half}`),
    always: true,
    decrypt: "ANSWER_TOO_LARGE",
    create: "ANSWER_TOO_LARGE",
  },
  {
    does: "sends chunks without end",
    behaviour: ({ socket }) => {
      socket.write(`${okHead}transfer-encoding: chunked\r\n\r\n`);
      const more = (): boolean => socket.write(`8000\r\n${"z".repeat(0x8000)}\r\n`);
      socket.on("drain", more);
      more();
      const timer = setInterval(more, 1);
      socket.once("close", () => clearInterval(timer));
    },
    always: true,
    decrypt: "ANSWER_TOO_LARGE",
    create: "ANSWER_TOO_LARGE",
  },
  {
    does: "sends 1 MiB",
    behaviour: answer(200, "x".repeat(1024 * 1024)),
    decrypt: "200",
    create: "200",
  },
  {
    does: "redirects to another host",
    behaviour: answer(301, "", "text/html", "location: https://example.com/\r\n"),
    always: true,
    decrypt: "ANSWER_INVALID",
    create: "ANSWER_INVALID",
  },
  {
    does: "redirects to itself",
    behaviour: answer(307, "", "text/html", "location: /v1/key/create/a\r\n"),
    always: true,
    decrypt: "ANSWER_INVALID",
    create: "ANSWER_INVALID",
  },
  {
    does: "sends an interim answer first",
    behaviour: ({ socket }) =>
      void socket.write(`HTTP/1.1 103 Early\r\nlink: x\r\n\r\n${okHead}content-length: 2\r\n\r\n{}`),
    decrypt: "200",
    create: "200",
  },
  {
    does: "answers 400",
    behaviour: answer(400, '{"message":"no"}'),
    always: true,
    decrypt: "400",
    create: "400",
  },
  {
    does: "answers 501",
    behaviour: answer(501, '{"message":"no"}'),
    always: true,
    decrypt: "501",
    create: "501",
  },
  {
    does: "answers 503 once",
    behaviour: answer(503, '{"message":"busy"}'),
    decrypt: "200",
    decrypts: 2,
    create: "503",
  },
  {
    does: "always answers 503",
    behaviour: answer(503, '{"message":"busy"}'),
    always: true,
    decrypt: "503",
    decrypts: 3,
    create: "503",
  },
  {
    does: "answers 502 with a page once, as a load balancer whose server is gone",
    behaviour: answer(502, "<html>Bad Gateway</html>", "text/html"),
    decrypt: "200",
    decrypts: 2,
    create: "502",
  },
  {
    does: "always answers 502 with a page",
    behaviour: answer(502, "<html>Bad Gateway</html>", "text/html"),
    always: true,
    decrypt: "502",
    decrypts: 3,
    create: "502",
  },
  {
    does: "answers 504 with a page once",
    behaviour: answer(504, "<html>Gateway Time-out</html>", "text/html"),
    decrypt: "200",
    decrypts: 2,
    create: "504",
  },
  {
    does: "answers 502 by itself",
    behaviour: answer(502, '{"message":"bad gateway: key store is not reachable"}'),
    always: true,
    decrypt: "502",
    create: "502",
  },
];

describe("a client of servers that misbehave", () => {
  const table: string[][] = [];
  after(() => {
    if (process.env.KESWICK_SHOW_TABLE !== "1") return;
    const line = (cells: readonly string[]): string =>
      cells.map((cell, i) => cell.padEnd([54, 28, 28][i] ?? 0)).join("");
    console.log([["servers", "decrypt (requests)", "create (requests)"], ...table].map(line).join("\n"));
  });

  describe("one server that", () => {
    for (const row of rows) {
      it(row.does, async () => {
        const cells = [`one ${row.does}`];
        for (const request of [decrypt, create]) {
          const server = await startMisbehavingServer();
          const isLate = row.decrypt === "CALL_TIMEOUT";
          const time = new TestClock();
          const transport = transportTo([server], time);
          try {
            server.refuse = row.refuse ?? 0;
            if (row.always && row.behaviour) server.always = row.behaviour;
            else if (row.behaviour) server.plan(row.behaviour);
            const pending = outcome(transport, request);
            if (isLate) {
              await until(() => server.seen.length > 0);
              time.elapse(LONG_MS);
            }
            const result = await pending;
            const isCreate = request === create;
            const wanted = isCreate ? (row.creates ?? 1) : (row.decrypts ?? 1);
            cells.push(`${result} (${server.seen.length})`);
            expect(result).to.equal(isCreate ? row.create : row.decrypt);
            expect(server.seen.map(({ method, path, body }) => ({ method, path, body }))).to.deep.equal(
              Array.from({ length: wanted }, () => ({
                method: "PUT",
                path: request.path,
                body: isCreate ? "" : BODY,
              })),
            );
          } finally {
            await transport.close();
            await server.close();
          }
        }
        table.push(cells);
      });
    }
  });

  describe("a server that closes connections while they are idle", () => {
    const closesAfter: Behaviour = (turn, request) => {
      works(turn, request);
      setImmediate(() => turn.socket.end());
    };

    for (const request of [decrypt, create]) {
      it(`loses no ${request === create ? "create" : "decrypt"} and gets none twice`, async () => {
        const server = await startMisbehavingServer();
        const time = new TestClock();
        const transport = transportTo([server], time);
        server.always = closesAfter;
        try {
          for (let i = 0; i < 20; i++) {
            expect(await outcome(transport, request)).to.equal("200");
            // A create goes over a connection that was used just now, or over a new one.
            time.skippedMs += 2_000;
          }
          expect(server.seen).to.have.length(20);
          table.push([
            `one closes idle connections: 20 ${request === create ? "creates" : "decrypts"}`,
            ...(request === create ? ["", "200 (20)"] : ["200 (20)", ""]),
          ]);
        } finally {
          await transport.close();
          await server.close();
        }
      });
    }
  });

  describe("three servers", function () {
    this.timeout(60_000);
    let servers: MisbehavingServer[] = [];
    let time: TestClock;
    let transport: Transport;
    beforeEach(async () => {
      servers = await Promise.all([1, 2, 3].map(() => startMisbehavingServer(shared)));
      time = new TestClock();
      // A third of it must do for a handshake on a busy machine.
      transport = transportTo(servers, time, 9_000);
    });
    afterEach(async () => {
      await transport.close();
      await Promise.all(servers.map((server) => server.close()));
    });
    const counts = (path: string): number[] =>
      servers.map(({ seen }) => seen.filter((request) => request.path === path).length);
    const [failing, lost] = [answer(500, '{"message":"internal server error"}'), raw("")];
    const one = (): MisbehavingServer => servers[0] ?? expect.fail();

    it("are asked in turns", async () => {
      for (let i = 0; i < 6; i++) expect(await outcome(transport, decrypt)).to.equal("200");
      expect(counts(decrypt.path)).to.deep.equal([2, 2, 2]);
    });

    const faults: Record<string, Behaviour> = {
      "answers 500": failing,
      "loses answers": lost,
      "sends no HTTP": raw("hello\n"),
      "says nothing": () => {},
    };
    for (const [fault, behaviour] of Object.entries(faults)) {
      it(`of which one ${fault}: no call is lost, and it comes back by one probe`, async () => {
        one().always = behaviour;
        for (let i = 0; i < 9; i++) expect(await outcome(transport, decrypt)).to.equal("200");
        // Asked once, then left alone.
        const [ofOne, ...ofOthers] = counts(decrypt.path);
        expect(ofOne).to.equal(1);
        expect(ofOthers.reduce((sum, n) => sum + n)).to.equal(9);
        for (const { seen } of servers) for (const { body } of seen) expect(body).to.equal(BODY);

        // Its rest is over, and it still fails: one probe, no call.
        time.skippedMs += 30_000;
        for (let i = 0; i < 3; i++) expect(await outcome(transport, decrypt)).to.equal("200");
        await until(() => (counts("/version")[0] ?? 0) > 0);
        expect(counts(decrypt.path)[0]).to.equal(1);

        one().always = works;
        await until(() => {
          time.skippedMs += 1_000;
          void outcome(transport, decrypt);
          return (counts(decrypt.path)[0] ?? 0) > 1;
        });
        expect(counts("/version")[0]).to.be.within(2, 6);
        expect(counts("/version").slice(1)).to.deep.equal([0, 0]);
        table.push([`three, one ${fault}`, `9 × 200 (1 + ${ofOthers.join(" + ")})`, ""]);
      });
    }

    it("of which one is gone: creates reach the others, once", async () => {
      one().refuse = 99;
      for (let i = 0; i < 4; i++) expect(await outcome(transport, create)).to.equal("200");
      expect(counts(create.path).reduce((sum, n) => sum + n)).to.equal(4);
      expect(counts(create.path)[0]).to.equal(0);
      table.push(["three, one is gone", "", "4 × 200 (0 + 2 + 2)"]);
    });

    for (const [what, behaviour, code] of [
      ["loses the answer", lost, "ANSWER_LOST"],
      ["answers 500", failing, "500"],
    ] as const) {
      it(`of which one ${what}: the create is told as that, and sent nowhere else`, async () => {
        one().always = behaviour;
        expect(await outcome(transport, create)).to.equal(code);
        expect(counts(create.path)).to.deep.equal([1, 0, 0]);
        expect(await outcome(transport, create)).to.equal("200");
        expect(counts(create.path).reduce((sum, n) => sum + n)).to.equal(2);
        table.push([`three, one ${what}`, "", `${code} (1 + 0 + 0), then 200`]);
      });
    }

    it("at rest all of them: each is asked once a call, and the first that is back answers", async () => {
      for (const server of servers) server.always = failing;
      expect(await outcome(transport, decrypt)).to.equal("500");
      expect(counts(decrypt.path)).to.deep.equal([1, 1, 1]);
      expect(await outcome(transport, decrypt)).to.equal("500");
      expect(counts(decrypt.path)).to.deep.equal([2, 2, 2]);
      one().always = works;
      expect(await outcome(transport, decrypt)).to.equal("200");
      expect(counts(decrypt.path)[0]).to.equal(3);
      const asked = counts(decrypt.path);
      for (let i = 0; i < 3; i++) expect(await outcome(transport, decrypt)).to.equal("200");
      expect(counts(decrypt.path)).to.deep.equal([(asked[0] ?? 0) + 3, asked[1], asked[2]]);
      table.push(["three, all answer 500; twice, then one is back", "500 (1+1+1), 500 (1+1+1), 200", ""]);
    });

    it("which all refuse connections: three rounds", async () => {
      for (const server of servers) server.refuse = 99;
      expect(await outcome(transport, decrypt)).to.equal("ENDPOINT_UNREACHABLE");
      expect(servers.map(({ refuse }) => 99 - refuse)).to.deep.equal([3, 3, 3]);
      table.push(["three, all reset connections", "ENDPOINT_UNREACHABLE", ""]);
    });

    it("a 4xx is final", async () => {
      one().always = answer(404, '{"message":"key does not exist"}');
      expect(await outcome(transport, decrypt)).to.equal("404");
      expect(counts(decrypt.path)).to.deep.equal([1, 0, 0]);
    });
  });
});
