import { expect } from "chai";
import fc from "fast-check";
import { linesOf } from "../../../src/client/lines.js";
import type { ApiStream } from "../../../src/client/transport.js";
import type { LogGap, LogOptions } from "../../../src/client/types.js";
import { KesError } from "../../../src/errors.js";
import { clientOver, ENDPOINT, type Handler, refusal, reply } from "../../support/fake-transport.js";

const lost = (): KesError => new KesError("ANSWER_LOST", [ENDPOINT, "reset"]);
const unreachable = (): KesError => new KesError("ENDPOINT_UNREACHABLE", [ENDPOINT, "refused"]);
const line = (message: string): string => `${JSON.stringify({ message })}\n`;

/** A stream of `parts`; an error among them breaks it there. */
function stream(...parts: (string | Error)[]): ApiStream {
  return {
    contentType: "application/x-ndjson",
    endpoint: ENDPOINT,
    body: (async function* () {
      for (const part of parts) {
        if (typeof part !== "string") throw part;
        yield Buffer.from(part);
      }
    })(),
  };
}

/** Answers one after the other; the last one throws, which ends the loop that follows the log. */
function inTurn(...answers: (ReturnType<Handler> | Error)[]): Handler {
  return () => {
    const answer = answers.shift() ?? refusal(403, "not authorized: insufficient permissions");
    if (answer instanceof Error) throw answer;
    return answer;
  };
}

interface Followed {
  readonly messages: string[];
  readonly gaps: LogGap[];
  readonly pauses: number[];
  readonly connections: number;
  readonly end: unknown;
}

async function follow(handler: Handler, options: LogOptions = {}): Promise<Followed> {
  const { client, clock } = clientOver(handler);
  const messages: string[] = [];
  const gaps: LogGap[] = [];
  let connections = 0;
  let end: unknown;
  const onGap = (gap: LogGap): void => void gaps.push(gap);
  const onConnect = (): void => void connections++;
  try {
    for await (const event of client.errorLog({ onGap, onConnect, ...options })) messages.push(event.message);
  } catch (error) {
    end = error instanceof KesError ? error.code : error;
  }
  return { messages, gaps, pauses: clock.pauses, connections, end };
}

describe("log streams", () => {
  it("give events as they come", async () => {
    const { client, transport } = clientOver(
      inTurn(
        stream(
          '{"time":"2025-03-12T10:35:18.123456789+01:00","request":{"ip":"10.1.2.3","path":"/v1/key/create/my-key",' +
            '"identity":"2ecb"},"response":{"code":200,"time":12}}\n',
        ),
      ),
    );
    for await (const event of client.auditLog()) {
      expect(event).to.deep.equal({
        time: "2025-03-12T10:35:18.123456789+01:00",
        request: { ip: "10.1.2.3", path: "/v1/key/create/my-key", identity: "2ecb" },
        response: { code: 200, timeNs: 12 },
      });
      break;
    }
    expect(transport.requests[0]).to.include({ path: "/v1/log/audit", timeoutMs: 0, repeatable: true });
  });

  it("come back after a break, and tell", async () => {
    const seen = await follow(
      inTurn(
        stream(line("a"), lost()),
        unreachable(),
        refusal(503, "server is overloaded"),
        stream(line("b")),
      ),
    );
    expect(seen.messages).to.deep.equal(["a", "b"]);
    expect(seen.connections).to.equal(2);
    expect(seen.end).to.equal("NOT_AUTHORIZED");
    expect(seen.gaps.map(({ attempt, retryInMs }) => [attempt, retryInMs])).to.deep.equal([
      [1, 250],
      [2, 500],
      [3, 1000],
      // After an event, from the beginning; this one ended in order.
      [1, 250],
    ]);
    expect(seen.gaps.map(({ cause }) => (cause instanceof KesError ? cause.code : cause))).to.deep.equal([
      "ANSWER_LOST",
      "ENDPOINT_UNREACHABLE",
      "OVERLOADED",
      undefined,
    ]);
    expect(seen.pauses).to.deep.equal([250, 500, 1000, 250]);
  });

  it("wait longer and longer for a server that closes at once, but not for ever", async () => {
    const { pauses } = await follow(inTurn(...Array.from({ length: 10 }, () => stream())));
    expect(pauses).to.deep.equal([250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  });

  it("tell at once when the first connection fails", async () => {
    for (const failure of [
      unreachable(),
      refusal(503, "server is overloaded"),
      refusal(404, "404 page not found"),
    ]) {
      const { end, gaps } = await follow(inTurn(failure, stream(line("never"))));
      expect(end).to.be.oneOf(["ENDPOINT_UNREACHABLE", "OVERLOADED", "PATH_NOT_FOUND"]);
      expect(gaps).to.deep.equal([]);
    }
  });

  for (const [what, answer] of [
    ["a page", reply(Buffer.from("<html>"), { contentType: "text/html", status: 200 })],
    ["another content", { ...stream("{}\n"), contentType: "application/json" }],
    ["no JSON", stream("hello\n")],
    ["no object", stream("1\n")],
    ["another object", stream('{"msg":"x"}\n')],
    ["a line without end", stream("x".repeat(700_000), "x".repeat(700_000))],
  ] as const) {
    it(`refuse ${what}`, async () => {
      const { end, gaps } = await follow(inTurn(answer, stream(line("never"))));
      expect(end).to.be.oneOf(["ANSWER_INVALID", "ANSWER_UNEXPECTED"]);
      expect(gaps).to.deep.equal([]);
    });
  }

  it("take what the server says of the stream itself for a gap", async () => {
    const { client } = clientOver(inTurn(stream(line("too slow"))));
    const gaps: LogGap[] = [];
    const onGap = (gap: LogGap): void => void gaps.push(gap);
    const end = await client
      .auditLog({ onGap })
      [Symbol.asyncIterator]()
      .next()
      .catch((error: unknown) => error);
    expect(end).to.include({ code: "NOT_AUTHORIZED" });
    expect(gaps.map(({ cause }) => cause?.message)).to.deep.equal(["too slow"]);
  });

  it("end in order when they are left", async () => {
    for (const when of ["before", "while connected", "in a pause", "by close"] as const) {
      const abort = new AbortController();
      if (when === "before") abort.abort();
      const { client, clock } = clientOver(inTurn(stream(line("a"), lost())));
      const messages: string[] = [];
      // A pause that only the signal ends.
      clock.after = () => {
        queueMicrotask(() => abort.abort());
        return () => undefined;
      };
      for await (const { message } of client.errorLog({ signal: abort.signal })) {
        messages.push(message);
        if (when === "while connected") abort.abort();
        if (when === "by close") await client.close();
      }
      expect(messages, when).to.deep.equal(when === "before" ? [] : ["a"]);
    }
  });

  it("close the connection when the loop is left", async () => {
    let isClosed = false;
    const opened = stream(line("a"), line("b"));
    const { client } = clientOver(() => ({
      ...opened,
      body: (async function* () {
        try {
          yield* opened.body;
        } finally {
          isClosed = true;
        }
      })(),
    }));
    for await (const { message } of client.errorLog()) {
      expect(message).to.equal("a");
      break;
    }
    expect(isClosed).to.equal(true);
  });
});

describe("lines", () => {
  it("are the same however the bytes are cut", async () => {
    const text = fc.string({ unit: "binary", maxLength: 20 }).map((part) => part.replace(/\s+/g, "é"));
    const filled = text.filter((part) => part.trim() !== "");
    await fc.assert(
      fc.asyncProperty(
        fc.array(filled),
        fc.array(fc.nat({ max: 200 })),
        fc.boolean(),
        async (wanted, cuts, ends) => {
          const bytes = Buffer.from(wanted.join("\r\n\n") + (ends ? "\n" : ""));
          const at = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
          const chunks = at.slice(1).map((end, i) => bytes.subarray(at[i], end));
          const body = (async function* () {
            yield* chunks;
          })();
          const found: string[] = [];
          for await (const item of linesOf(body, 1000, () => new Error("too long"))) found.push(item);
          expect(found).to.deep.equal(wanted.map((part) => Buffer.from(part).toString()));
        },
      ),
    );
  });
});
