import { expect } from "chai";
import { ascii } from "../../../src/api/answer-page.js";
import { answerAll, bulkBody } from "../../../src/api/bulk.js";
import type { Call } from "../../../src/api/route.js";
import { KesError } from "../../../src/errors.js";
import { Turns } from "../../../src/keys/turns.js";

const fields = { ciphertext: "ciphertext", context: "bytes" } as const;
const codec = bulkBody(fields, 1000);

function callOf(signal: AbortSignal, query = ""): Call {
  return {
    ...{ argument: "my-key", body: undefined, query, caller: { identity: undefined, admin: false } },
    accept: () => [],
    signal: () => signal,
  };
}

/** Items that are decrypted to their own ciphertext, each taking `itemMs`. */
function bench(body: string, options: { itemMs?: number; query?: string } = {}) {
  const { itemMs = 0, query = "" } = options;
  let nowMs = 0;
  let rounds = 0;
  const turns = new Turns({
    now: () => nowMs,
    soon: (callback) =>
      void setImmediate(() => {
        rounds++;
        callback();
      }),
  });
  const caller = new AbortController();
  const done: string[] = [];
  const run = (onItem: () => void = () => undefined): Promise<string> =>
    answerAll(callOf(caller.signal, query), {
      body: codec.decode(Buffer.from(body)),
      turns,
      find: () => undefined,
      work: ({ ciphertext }) => {
        nowMs += itemMs;
        onItem();
        if (ciphertext.length === 0) throw new KesError("DECRYPT_FAILED");
        done.push(String(ciphertext));
        return ciphertext;
      },
      write: (text, answer) => answer.ascii(ascii(JSON.stringify(String(text)))),
    });
  return { run, caller, done, rounds: () => rounds };
}

const item = (i: number): string => `{"ciphertext":"${Buffer.from(String(i)).toString("base64")}"}`;
const list = (count: number, comma = ","): string =>
  `[${Array.from({ length: count }, (_, i) => item(i)).join(comma)}]`;
const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => "done",
    (error: unknown) => (error instanceof KesError ? error.code : error),
  );

describe("bulk calls", () => {
  it("keep nothing of the body that they were lent", async () => {
    const raw = Buffer.from('[{"ciphertext":"MA=="},{"ciphertext":"MQ=="}]');
    const body = codec.decode(raw);
    raw.fill(0);
    const answer = await answerAll(callOf(new AbortController().signal), {
      body,
      turns: new Turns({ now: () => 0, soon: setImmediate }),
      find: () => undefined,
      work: ({ ciphertext }) => String(ciphertext),
      write: (text, answer) => answer.ascii(ascii(JSON.stringify(text))),
    });
    expect(JSON.parse(answer as string)).to.deep.equal(["0", "1"]);
  });

  it("read in memory that the call before has left, and leave it only when nobody looks any more", async () => {
    const used: Buffer[] = [];
    const run = (work: (item: Buffer) => string | Promise<string>, signal: AbortSignal): Promise<string> =>
      answerAll(callOf(signal), {
        body: own.decode(Buffer.from(list(300))),
        turns: new Turns({ now: () => 0, soon: setImmediate }),
        find: () => undefined,
        work: ({ ciphertext }) => {
          used.push(ciphertext);
          return work(ciphertext);
        },
        write: (text, answer) => answer.ascii(ascii(JSON.stringify(text))),
      });
    const own = bulkBody(fields, 1000);
    const { signal } = new AbortController();
    await run(String, signal);
    const [first] = used.splice(0);
    expect(first?.every((byte) => byte === 0)).to.equal(true);
    // The key is still on its way for an item that nobody waits for any more.
    await codeOf(run(() => Promise.reject(new KesError("KEYSTORE_TIMEOUT")), signal));
    const [pending] = used.splice(0);
    expect(pending?.buffer).to.equal(first?.buffer);
    expect(String(pending)).to.equal("0");
    const both = await Promise.all([run(String, signal), run(String, signal)]);
    for (const answer of both)
      expect(JSON.parse(answer)).to.deep.equal(Array.from({ length: 300 }, (_, i) => String(i)));
    expect(used.some(({ buffer }) => buffer === pending?.buffer)).to.equal(false);
    expect(String(pending)).to.equal("0");
  });

  for (const [form, body] of [
    ["as clients send them", list(1000)],
    ["in a form for the general parser", list(1000).replace('"ciphertext"', '"Ciphertext"')],
  ] as const) {
    it(`answer items in their order: ${form}`, async () => {
      const { run } = bench(body);
      expect(JSON.parse(await run())).to.deep.equal(Array.from({ length: 1000 }, (_, i) => String(i)));
    });
  }

  it("give way to others again and again", async () => {
    const { run, rounds } = bench(list(1000), { itemMs: 0.005 });
    await run();
    // Five milliseconds of work, one in each turn; items between two looks at the clock may stretch it.
    expect(rounds()).to.be.within(5, 8);
  });

  it("end when their caller has gone, and do no more than their turn", async () => {
    const { run, caller, done } = bench(list(1000), { itemMs: 0.05 });
    const ended = run(() => {
      if (done.length === 100) caller.abort();
    });
    expect(await codeOf(ended)).to.equal("KEYSTORE_TIMEOUT");
    expect(done.length).to.be.within(100, 128);
  });

  it("fail for one item, or tell of it", async () => {
    const body = `[${item(1)},{},{"ciphertext":5},${item(2)}]`;
    expect(await codeOf(bench(body).run())).to.equal("BODY_INVALID");
    expect(await codeOf(bench(`[${item(1)},{},${item(2)}]`).run())).to.equal("DECRYPT_FAILED");
    const partial = await bench(body, { query: "?partial=true" }).run();
    expect(JSON.parse(partial)).to.deep.equal([
      "1",
      { error: { status: 400, message: "decryption failed: ciphertext is not authentic" } },
      { error: { status: 400, message: "invalid request body" } },
      "2",
    ]);
    expect(partial.endsWith("]\n")).to.equal(true);
  });

  const bodies: readonly (readonly [body: string, outcome: string])[] = [
    ["[]", "done"],
    [" [ ] ", "done"],
    ["null", "done"],
    [list(1000), "done"],
    [list(1000, " , "), "done"],
    [`${list(1)}x`, "done"],
    [list(1001), "TOO_MANY_CIPHERTEXTS"],
    // Malformed before anybody counts.
    [list(1001).slice(0, -1), "BODY_INVALID"],
    [`[${"5,".repeat(1000)}5]`, "TOO_MANY_CIPHERTEXTS"],
    ["", "BODY_INVALID"],
    ["{}", "BODY_INVALID"],
    ["[{}", "BODY_INVALID"],
    ["[[]]", "BODY_INVALID"],
    ['["Zm9v"]', "BODY_INVALID"],
    ['[{"ciphertext":"!"}]', "BODY_INVALID"],
    [`[${item(1)},]`, "BODY_INVALID"],
    [`[,${item(1)}]`, "BODY_INVALID"],
    [`[${item(1)} ${item(2)}]`, "BODY_INVALID"],
  ];
  for (const [body, outcome] of bodies) {
    it(`${outcome === "done" ? "take" : "refuse"} ${body.slice(0, 40)}… of ${body.length}`, async () => {
      expect(await codeOf(bench(body).run())).to.equal(outcome);
    });
  }
});
