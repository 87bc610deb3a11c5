/** The same requests to our own HTTP/2 and to `node:http2`: what became of each must be equal, or explained. */
import { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { BodyBudget } from "../../src/server/body.js";
import { Connections } from "../../src/server/connections.js";
import type { Engine, EngineOptions } from "../../src/server/engine.js";
import type { Exchange } from "../../src/server/exchange.js";
import { HeldAnswers } from "../../src/server/held-answers.js";
import { Http2Engine } from "../../src/server/http2/engine.js";
import { HeaderField } from "../../src/server/http2/header-field.js";
import { HpackDecoder } from "../../src/server/http2/hpack-decoder.js";
import { defaultConnectionLimits, MAX_HELD_BYTES } from "../../src/server/limits.js";
import { NodeHttp2Engine } from "../../src/server/node/h2-engine.js";
import { data, END_HEADERS, END_STREAM, headers, windowUpdate } from "../../test/support/http2-frames.js";
import { Random } from "../../test/support/http2-fuzz/random.js";
import { block, requestFields } from "../../test/support/http2-fuzz/sequences.js";
import { T } from "../../test/support/http2-session.js";
import { frame, PREFACE } from "../../test/support/raw-http2.js";

/** Streams of one connection. */
const STREAMS = 100;
const WAIT_MS = 5_000;
const MEANNESS = 0.04;
/** Turns of the event loop without a byte after which nothing more comes. */
const QUIET_TURNS = 20;

interface Request {
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** Lengths of its DATA frames. */
  readonly pieces: readonly number[];
  readonly trailers: readonly (readonly [name: string, value: string])[] | undefined;
}

/** What a stream came to: an answer, or `refused`, or `ended` with its connection. */
type Fate = string;

/** Prints a table; sets the exit code when a difference has no explanation. */
export async function compareEngines(count: number, seed: number): Promise<void> {
  const random = new Random(seed);
  const engines = {
    keswick: makeEngine((one) => new Http2Engine(one)),
    node: makeEngine((one) => new NodeHttp2Engine(one)),
  };
  const explained = new Map<string, number>();
  let equal = 0;
  let answered = 0;
  let unexplained = 0;
  const began = performance.now();
  for (let done = 0; done < count; done += STREAMS) {
    random.meanness = MEANNESS;
    const requests = Array.from({ length: STREAMS }, () => randomRequest(random));
    // A block that cannot be decoded ends the connection, and with it everybody's requests.
    random.meanness = 0;
    const blocks = requests.map(({ fields }) => block(random, fields.filter(isShort)));
    const bytes = bytesOf(requests, blocks);
    const [ours, nodes] = await Promise.all([play(engines.keswick, bytes), play(engines.node, bytes)]);
    for (const [i, request] of requests.entries()) {
      const [our = "ended", node = "ended"] = [ours.get(2 * i + 1), nodes.get(2 * i + 1)];
      if (our === node) {
        equal++;
        if (our.startsWith("2")) answered++;
        continue;
      }
      const why = explain(request, our, node);
      if (why !== undefined) explained.set(why, (explained.get(why) ?? 0) + 1);
      else {
        unexplained++;
        process.exitCode = 1;
        if (unexplained <= 20) console.error(JSON.stringify({ request, ours: our, node }));
      }
    }
  }
  const seconds = (performance.now() - began) / 1_000;
  const row = (what: string, value: number): void =>
    console.log(`${what.padEnd(64)}${value.toLocaleString("en").padStart(12)}`);
  console.log(`seed ${seed}, ${seconds.toFixed(1)} s, ${STREAMS} requests a connection\n`);
  row("equal", equal);
  row("  of them answered", answered);
  for (const [why, times] of explained) row(`different: ${why}`, times);
  row("different without an explanation", unexplained);
}

function randomRequest(random: Random): Request {
  const isEnd = random.chance(0.4);
  const pieces = isEnd
    ? []
    : Array.from({ length: 1 + random.int(3) }, () => random.pick([0, 1, 5, 100, 1_000]));
  const sum = pieces.reduce((total, one) => total + one, 0);
  const fields = requestFields(random, isEnd).map(([name, value]): readonly [string, string] => {
    // Mostly the body's length, or hardly one would be served.
    if (name === "content-length" && !random.chance(0.2)) return [name, String(sum)];
    return [name, value];
  });
  const trailers =
    !isEnd && random.chance(0.1) ? [["x-checksum", random.isMean ? "a\nb" : "1"] as const] : undefined;
  return { fields, pieces, trailers };
}

function bytesOf(requests: readonly Request[], blocks: readonly Buffer[]): Buffer {
  const parts = [PREFACE, frame(T.settings, 0, 0), windowUpdate(0, 1 << 30)];
  for (const [i, { pieces, trailers }] of requests.entries()) {
    const id = 2 * i + 1;
    const isBare = pieces.length === 0;
    parts.push(frame(T.headers, END_HEADERS | (isBare ? END_STREAM : 0), id, blocks[i] ?? Buffer.alloc(0)));
    for (const [nth, size] of pieces.entries()) {
      const isLast = nth === pieces.length - 1 && trailers === undefined;
      parts.push(data(id, Buffer.alloc(size, 97), isLast));
    }
    if (trailers !== undefined) parts.push(headers(id, trailers));
  }
  // Its answer says that all before it was read.
  parts.push(frame(T.ping, 0, 0, Buffer.alloc(8, 1)));
  return Buffer.concat(parts);
}

/** Why the engines differ, or undefined. */
function explain(request: Request, ours: Fate, nodes: Fate): string | undefined {
  if (nodes === "refused" && ours.startsWith("413")) {
    return "we have answered 413 by the time that the rest of the body is malformed";
  }
  if (ours !== "refused" || !/^[1-5]/.test(nodes)) return undefined;
  const value = (wanted: string): string | undefined => request.fields.find(([name]) => name === wanted)?.[1];
  if ([...request.fields, ...(request.trailers ?? [])].some(isMalformed)) {
    return "we refuse malformed fields, which node leaves out or takes";
  }
  if (value("host") !== undefined && value("host") !== value(":authority")) {
    return "we refuse a host that is not the authority";
  }
  return undefined;
}

/** What is longer could make a frame too large, which ends the connection and with it everybody's requests. */
function isShort([, value]: readonly [name: string, value: string]): boolean {
  return value.length < 1_000;
}

function isMalformed([name, value]: readonly [name: string, value: string]): boolean {
  return new HeaderField(name, value).kind === "malformed";
}

interface Playable {
  readonly engine: Engine;
  readonly connections: Connections;
}

function makeEngine(make: (options: EngineOptions) => Engine): Playable {
  const limits = defaultConnectionLimits();
  const engine = make({
    serve,
    refused: () => undefined,
    limits,
    bodies: new BodyBudget(limits.maxPendingBodyBytes),
    held: new HeldAnswers(MAX_HELD_BYTES),
  });
  return { engine, connections: new Connections() };
}

/** Answers with all that an engine may tell of a request. */
function serve(exchange: Exchange): void {
  const names = ["x-a", "x-b", "content-type", "user-agent", "content-length", "cookie", "host", "expect"];
  const seen = names.map((name) => exchange.header(name).join("|"));
  const answer = (status: number, body: string): void => {
    exchange.reply(status, {}, JSON.stringify([exchange.method, exchange.target, seen, body]));
    exchange.finished();
  };
  if (exchange.bodyless) return answer(200, "none");
  exchange.readBody(2_000, (body) => {
    if (body === "aborted") return exchange.finished();
    if (typeof body === "string") answer(413, body);
    else answer(200, `${body.length}`);
  });
}

/** Plays a connection's bytes; tells what became of each stream. */
function play({ engine, connections }: Playable, bytes: Buffer): Promise<ReadonlyMap<number, Fate>> {
  return new Promise((resolve, reject) => {
    const fates = new Map<number, Fate>();
    const decoder = new HpackDecoder();
    const statuses = new Map<number, string>();
    let received: Buffer = Buffer.alloc(0);
    let isOver = false;
    const socket = new Duplex({
      read: () => undefined,
      write(chunk: Buffer, _encoding, done) {
        received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
        done();
        take();
      },
      final(done) {
        done();
        finish();
      },
      destroy(_error, done) {
        done(null);
        finish();
      },
    });
    const timer = setTimeout(() => reject(new Error("no end in time")), WAIT_MS);
    const finish = (): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      for (const [stream, status] of statuses) if (!fates.has(stream)) fates.set(stream, `begun ${status}`);
      resolve(fates);
      setImmediate(() => socket.destroy());
    };
    let isRead = false;
    const take = (): void => {
      while (received.length >= 9) {
        const size = received.readUIntBE(0, 3);
        if (received.length < 9 + size) return;
        const type = received[3] ?? 0;
        const flags = received[4] ?? 0;
        const stream = received.readUInt32BE(5);
        const payload = received.subarray(9, 9 + size);
        received = received.subarray(9 + size);
        if (type === T.headers) {
          let status = "";
          decoder.decode(payload, 0, payload.length, {
            add: (field) => {
              if (field.name === ":status") status = field.value;
            },
          });
          statuses.set(stream, status);
        }
        if (type === T.rst && !fates.has(stream)) fates.set(stream, "refused");
        if (type === T.data)
          statuses.set(stream, `${statuses.get(stream) ?? ""} ${payload.toString("latin1")}`);
        if ((type === T.headers || type === T.data) && flags & END_STREAM)
          fates.set(stream, statuses.get(stream) ?? "");
        if (type === T.ping && flags & 1) isRead = true;
        if (type === T.goaway) return finish();
      }
      if (isRead) settle();
    };
    // Node answers what it has read in later turns.
    let quiet = 0;
    let isSettling = false;
    const settle = (): void => {
      quiet = 0;
      if (isSettling) return;
      isSettling = true;
      const look = (): void => {
        if (isOver) return;
        if (fates.size >= STREAMS || ++quiet > QUIET_TURNS) finish();
        else setImmediate(look);
      };
      setImmediate(look);
    };
    // The engines take it for a TLS socket whose handshake is done; they use nothing but the stream of it.
    const taken = Object.assign(socket, { alpnProtocol: "h2", encrypted: true }) as unknown as TLSSocket;
    engine.take(taken, connections.establish(taken, { ip: "192.0.2.1" }));
    socket.push(bytes);
  });
}
