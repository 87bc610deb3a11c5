/** Plays a client's bytes to a session of our own HTTP/2 and holds what it does against what it must never do. */
import type { Exchange, StreamWriter } from "../../../src/server/exchange.js";
import { HpackDecoder } from "../../../src/server/http2/hpack-decoder.js";
import { answerOk, framesOf, Harness, type SentFrame, T } from "../http2-session.js";
import type { Random } from "./random.js";

/** What a play showed: each word is something that happened. */
export type Features = ReadonlySet<string>;

const MAX_BODY_BUDGET = 1 << 20;
const MAX_PENDING = 5 << 20;
const BIG = "b".repeat(150_000);

/**
 * @throws Error that says which rule was broken
 */
export function judge(bytes: Buffer, random: Random): Features {
  const late: (() => void)[] = [];
  const writers: StreamWriter[] = [];
  const client = new Harness({
    greeted: false,
    maxBodyBytes: MAX_BODY_BUDGET,
    serve: (exchange) => serve(exchange, late, writers),
  });
  const watcher = new Watcher(client);
  const isTrickled = random.chance(0.3);
  for (let at = 0; at < bytes.length; ) {
    const size = isTrickled ? 1 + random.int(30) : 1 + random.int(bytes.length);
    client.send(bytes.subarray(at, at + size));
    at += size;
    if (random.chance(0.3)) late.shift()?.();
    if (random.chance(0.3) && writers.length > 0) write(random, random.pick(writers));
    if (random.chance(0.02)) client.pass(random.int(3_000));
    if (random.chance(0.01)) client.session.close();
    if (random.chance(0.02)) stick(client, random);
    client.turn();
    watcher.look();
  }
  for (const answer of late) answer();
  client.turn();
  watcher.look();
  // Whatever is left ends by itself: every deadline passes.
  for (let i = 0; i < 40; i++) client.pass(5_000);
  watcher.look();
  client.session.destroy();
  watcher.end();
  return watcher.features;
}

function serve(exchange: Exchange, late: (() => void)[], writers: StreamWriter[]): void {
  const answer = (status: number, text?: string): void => {
    exchange.reply(status, { "content-type": "text/plain", "x-request-id": `${status}` }, text);
    exchange.finished();
  };
  switch (exchange.target) {
    case "/late":
      late.push(() => answer(200, "late"));
      return;
    case "/big":
      return answer(200, BIG);
    case "/early":
      return answer(403, "no");
    case "/follow":
      writers.push(exchange.stream(200, {}));
      return exchange.finished();
    case "/never":
      return exchange.onGone(() => exchange.finished());
    default:
      return answerOk(exchange);
  }
}

function write(random: Random, writer: StreamWriter): void {
  if (random.chance(0.2)) writer.end("last");
  else if (!writer.write("x".repeat(random.int(3_000)))) writer.end();
}

function stick(client: Harness, random: Random): void {
  client.isStuck = true;
  client.session.flush();
  if (random.chance(0.7)) {
    client.isStuck = false;
    client.session.drained();
  }
}

/** Holds what was sent against the protocol, and what is kept against its bounds. */
class Watcher {
  readonly features = new Set<string>();
  readonly #client: Harness;
  readonly #decoder = new HpackDecoder();
  /** By stream, what its answer has come to. */
  readonly #streams = new Map<number, "open" | "ended">();
  #lastGoAway = Number.POSITIVE_INFINITY;
  #block: Buffer[] | undefined;

  constructor(client: Harness) {
    this.#client = client;
  }

  look(): void {
    const client = this.#client;
    for (const one of framesOf(client.bytes())) this.#frame(one);
    must(client.session.openStreams <= 250, "more streams than allowed are open");
    must(client.session.sender.pendingBytes <= MAX_PENDING, "more answers wait than may");
    must(client.open >= 0, "a request has ended twice");
  }

  end(): void {
    const client = this.#client;
    must(client.session.openStreams === 0, "a stream outlives its connection");
    must(client.session.sender.pendingBytes === 0, "an answer outlives its connection");
    // Those that answer late are all answered by now, and the others were told that nobody waits.
    must(client.open === 0, `${client.open} requests never end`);
    must(client.session.bodies.take(MAX_BODY_BUDGET), "memory of bodies is not given back");
    for (const [status, reason] of client.refusals) {
      must(status !== 500, `an error of our own: ${reason}`);
      this.features.add(`refused ${status} ${reason.replaceAll(/\d+/g, "n").replaceAll(/"[^"]*"/g, "x")}`);
    }
    if (client.requests.length > 0) this.features.add(`served ${Math.min(5, client.requests.length)}`);
  }

  #frame({ type, flags, stream, payload }: SentFrame): void {
    must(payload.length <= 16_384, "a frame is too large");
    if (this.#block !== undefined) must(type === T.continuation, "a header block is broken off");
    const state = this.#streams.get(stream);
    switch (type) {
      case T.headers:
        must(state !== "ended", "headers behind the end");
        must(stream % 2 === 1, "headers on a stream that is no client's");
        this.#block = [];
        this.#headers(flags, stream, payload);
        this.#streams.set(stream, flags & 1 ? "ended" : "open");
        break;
      case T.continuation:
        this.#headers(flags, stream, payload);
        break;
      case T.data:
        must(state === "open", "data without headers, or behind the end");
        if (flags & 1) this.#streams.set(stream, "ended");
        this.features.add("data");
        break;
      case T.rst:
        must(stream !== 0, "a reset of no stream");
        this.features.add(`reset ${payload.readUInt32BE(0)}`);
        this.#streams.set(stream, "ended");
        break;
      case T.goaway: {
        const last = payload.readUInt32BE(0);
        must(last <= this.#lastGoAway, "a later GOAWAY names a later stream");
        this.#lastGoAway = last;
        this.features.add(`goaway ${payload.readUInt32BE(4)}`);
        break;
      }
      case T.window:
        must(payload.readUInt32BE(0) > 0, "a window opened by nothing");
        break;
      default:
        must(type === T.settings || type === T.ping, `a frame of type ${type}`);
    }
  }

  #headers(flags: number, stream: number, payload: Buffer): void {
    this.#block?.push(payload);
    if ((flags & 4) === 0) return;
    const block = Buffer.concat(this.#block ?? []);
    this.#block = undefined;
    let status = "";
    this.#decoder.decode(block, 0, block.length, {
      add: ({ name, value }) => {
        if (name === ":status") status = value;
      },
    });
    must(/^[1-5]\d\d$/.test(status), `no status on stream ${stream}`);
    this.features.add(`status ${status}`);
  }
}

function must(isTrue: boolean, rule: string): void {
  if (!isTrue) throw new Error(rule);
}
