import { expect } from "chai";
import fc from "fast-check";
import { type ByteMembers, QuickJson } from "../../../src/api/quick-json.js";
import { members, object, readArray, readObject } from "../../../src/api/wire.js";
import { KesError } from "../../../src/errors.js";

const fields = { ciphertext: "ciphertext", context: "bytes" } as const;
const quick = new QuickJson(fields);
const codec = object(fields);
const own = object({ plaintext: "bytes" });

/** The members in hex, or the code of the refusal. */
function outcome(read: () => ByteMembers): unknown {
  try {
    const { ciphertext, context } = read();
    return [ciphertext?.toString("hex"), context?.toString("hex")];
  } catch (error) {
    if (error instanceof KesError) return error.code;
    throw error;
  }
}

/** What the general parser says, which is right by definition. */
const general = (raw: Buffer): unknown => outcome(() => readObject(fields, raw, "BODY_INVALID"));

/** Both ways come to the same; where the quick one gives up it says nothing. */
function agrees(raw: Buffer): void {
  const wanted = general(raw);
  expect(outcome(() => codec.decode(raw))).to.deep.equal(wanted);
  const read = quick.object(raw);
  if (read !== undefined) expect(outcome(() => read)).to.deep.equal(wanted);
}

const PER_ITEM = 4;

/** Memory that was in use before, and room for so many items. */
function itemsOf(raw: Buffer, most = 8) {
  const memory = Buffer.alloc(quick.roomBytes(raw.length), 0xaa);
  return quick.items(raw, memory, new Int32Array(PER_ITEM * most).fill(3));
}

/** They are good until the next ones are asked for. */
const copied = (members: ByteMembers): ByteMembers =>
  Object.fromEntries(Object.entries(members).map(([name, bytes]) => [name, Buffer.from(bytes)]));

/** The items of an array; undefined where the quick one gives up. */
function readQuickly(raw: Buffer, most?: number): ByteMembers[] | undefined {
  const items = itemsOf(raw, most);
  for (;;) {
    const next = items.next();
    if (next === undefined) return undefined;
    // Only now, so that one item that writes into another one comes to light.
    if (next === "end") return Array.from({ length: items.count }, (_, i) => copied(items.members(i)));
  }
}

function agreesOnArray(raw: Buffer): void {
  const read = readQuickly(raw);
  if (read === undefined) return;
  const wanted = readArray(raw).map((value) => members(fields, value, "BODY_INVALID"));
  expect(read.map((item) => outcome(() => item))).to.deep.equal(wanted.map((item) => outcome(() => item)));
}

/** Bodies that two readers might take differently. */
const nasty: readonly (string | Buffer)[] = [
  "",
  " ",
  "{}",
  "{ }",
  "{}{}",
  "{} x",
  "{}\u0000",
  "{},",
  "[]",
  "null",
  '{"context":null}',
  '{"context":""}',
  '{"context":"Zm9v"}',
  ' {\t"context"\r:\n"Zm9v" } \n',
  '{"context":"Zm9v",}',
  '{,"context":"Zm9v"}',
  '{"context":"Zm9v""ciphertext":"YmFy"}',
  '{"context":"Zm9v";"ciphertext":"YmFy"}',
  '{"context" "Zm9v"}',
  '{"context":"Zm9v"',
  '{"context":"Zm9v',
  '{"context":"',
  '{"context":',
  '{"context"',
  '{"conte',
  '{"context":"Zm9v"]',
  '{"context":"Zm9v"}}',
  '{"context":"Zm9v"}{"context":"YmFy"}',
  '{"context":"Zm9v","context":"YmFy"}',
  '{"context":"Zm9v","context":null}',
  '{"context":"Zm9v","Context":"YmFy"}',
  '{"Context":"Zm9v","context":"YmFy"}',
  '{"CONTEXT":"Zm9v"}',
  '{"\\u0063ontext":"Zm9v"}',
  '{"contex\\u0074":"Zm9v"}',
  '{"context\\u0000":"Zm9v"}',
  '{"context":"Zm9v","x":1}',
  '{"x":{"context":"YmFy"},"context":"Zm9v"}',
  '{"x":[[{}]],"context":"Zm9v"}',
  '{"__proto__":{"context":"YmFy"}}',
  '{"":"Zm9v"}',
  '{"context":"Zm\\u0039v"}',
  '{"context":"Zm\\/v"}',
  '{"context":"Zm/v"}',
  '{"context":"Zm9v\\n"}',
  '{"context":"Zm9v\\r\\nYmFy"}',
  '{"context":"Zm9v\\""}',
  '{"context":"Zm9v\\\\"}',
  '{"context":"Zm9v\n"}',
  '{"context":"Zm9v\t"}',
  '{"context":"Z"}',
  '{"context":"Zg"}',
  '{"context":"Zg="}',
  '{"context":"Zg=="}',
  '{"context":"Zh=="}',
  '{"context":"Zm8="}',
  '{"context":"Zm9="}',
  '{"context":"Z==="}',
  '{"context":"===="}',
  '{"context":"=m9v"}',
  '{"context":"Z=9v"}',
  '{"context":"Zm=v"}',
  '{"context":"Zm9v===="}',
  '{"context":"Zg==Zg=="}',
  '{"context":"Zm9vZg=="}',
  '{"context":"__8="}',
  '{"context":"-_-_"}',
  '{"context":" Zm9v"}',
  '{"context":"Zm 9"}',
  '{"context":"Zmä"}',
  '{"context":5}',
  '{"context":-0}',
  '{"context":1e400}',
  '{"context":01}',
  '{"context":[102,111,111]}',
  '{"context":[256]}',
  '{"context":[1.0]}',
  '{"context":["1"]}',
  '{"context":true}',
  '{"context":{}}',
  "{'context':'Zm9v'}",
  '{"context":"Zm9v"/**/}',
  '\ufeff{"context":"Zm9v"}',
  '{"context":"Zm9v"}\u00a0',
  '{\u00a0"context":"Zm9v"}',
  '{"context":"Zm9v"}\u000b',
  '{"contex\u212a":"Zm9v"}',
  Buffer.from('{"context":"Zm9v"}', "utf16le"),
  Buffer.concat([Buffer.from('{"context":"Zm'), Buffer.of(0xff), Buffer.from('v"}')]),
  Buffer.concat([Buffer.from('{"context":"Zm9v"}'), Buffer.of(0xc3)]),
  Buffer.concat([Buffer.from('{"conte'), Buffer.of(0xed, 0xa0, 0x80), Buffer.from('xt":"Zm9v"}')]),
  "[".repeat(5000),
  '{"x":'.repeat(5000),
  `{"context":"${"A".repeat(100_000)}"}`,
  `{"context":"${"A".repeat(100_001)}"}`,
];

const base64 = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.uint8Array({ maxLength: 120 }).map((bytes) => Buffer.from(bytes).toString("base64")),
  },
  {
    weight: 1,
    arbitrary: fc.uint8Array({ maxLength: 9 }).map((bytes) => Buffer.from(bytes).toString("base64url")),
  },
  { weight: 1, arbitrary: fc.stringMatching(/^[A-Za-z0-9+/=\\nr"u0 ]{0,12}$/) },
);
const text = base64.map((inner) => `"${inner}"`);
const value = fc.oneof(
  { weight: 8, arbitrary: text },
  { weight: 1, arbitrary: fc.constantFrom("null", "5", "[1,2]", "{}", "true", '"', "[300]", "") },
);
const name = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom('"ciphertext"', '"context"') },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '"Context"',
      '"c\\u006fntext"',
      '"x"',
      '"contexts"',
      '"contex"',
      '""',
      "context",
    ),
  },
);
const blank = fc.oneof(
  { weight: 8, arbitrary: fc.constant("") },
  { weight: 1, arbitrary: fc.constantFrom(" ", "\n", "\t", "\r\n", "  ", "\u00a0", "\u000b", "/**/") },
);
const member = fc
  .tuple(blank, name, blank, blank, value, blank)
  .map(([a, n, b, c, v, d]) => `${a}${n}${b}:${c}${v}${d}`);
const bodyText = fc
  .tuple(blank, fc.array(member, { maxLength: 3 }), fc.constantFrom(",", ",", ",", ";", ""), blank, blank)
  .map(([before, all, comma, inside, behind]) => `${before}{${inside}${all.join(comma)}}${behind}`);
const arrayText = fc
  .tuple(
    fc.array(fc.oneof({ weight: 9, arbitrary: bodyText }, fc.constantFrom("null", "[]", "1")), {
      maxLength: 4,
    }),
    blank,
  )
  .map(([items, behind]) => `[${items.join(",")}]${behind}`);

/** One byte of a body changed, left out or doubled. */
const damaged = fc
  .tuple(bodyText, fc.nat(), fc.nat(255), fc.constantFrom("set", "cut", "add"))
  .map(([whole, at, byte, how]) => {
    const raw = Buffer.from(whole);
    const i = raw.length === 0 ? 0 : at % raw.length;
    const rest = raw.subarray(how === "add" ? i : i + 1);
    return Buffer.concat(
      how === "cut" ? [raw.subarray(0, i), rest] : [raw.subarray(0, i), Buffer.of(byte), rest],
    );
  });

describe("quick JSON", () => {
  for (const body of nasty) {
    const raw = Buffer.from(body);
    it(`agrees with the general parser on ${JSON.stringify(raw.toString("latin1", 0, 60))}`, () => {
      agrees(raw);
      for (const list of [raw, Buffer.concat([Buffer.from("["), raw, Buffer.from("]")])]) agreesOnArray(list);
    });
  }

  it("agrees on anything that looks like a body", () => {
    fc.assert(
      fc.property(bodyText, (body) => agrees(Buffer.from(body))),
      { numRuns: 3000 },
    );
  });

  it("agrees on bodies with one byte damaged", () => {
    fc.assert(fc.property(damaged, agrees), { numRuns: 3000 });
  });

  it("agrees on any bytes and any JSON", () => {
    const any = fc.oneof(
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      fc.json().map((json) => Buffer.from(json)),
    );
    fc.assert(fc.property(any, agrees), { numRuns: 1000 });
  });

  it("agrees on arrays, or leaves them alone", () => {
    fc.assert(
      fc.property(arrayText, (body) => agreesOnArray(Buffer.from(body))),
      { numRuns: 3000 },
    );
  });

  const ours: readonly (readonly [why: string, body: string])[] = [
    ["our own SDK and MinIO", '{"ciphertext":"Zm9v","context":"YmFy"}'],
    ["members in another order", '{"context":"YmFy","ciphertext":"Zm9v"}'],
    ["one that leaves its newline", '{"ciphertext":"Zm9v","context":"YmFy"}\n'],
    ["one that puts blanks", '{"ciphertext": "Zm9v", "context": "YmFy"}'],
  ];
  for (const [why, body] of ours) {
    it(`does not need the general parser for ${why}`, () => {
      expect(outcome(() => quick.object(Buffer.from(body)) ?? {})).to.deep.equal(["666f6f", "626172"]);
    });
  }

  it("agrees on arrays with one byte damaged", () => {
    const list = fc
      .tuple(fc.array(damaged, { maxLength: 3 }), fc.constantFrom(",", "", " , "))
      .map(([items, comma]) =>
        Buffer.from(`[${items.map((item) => item.toString("latin1")).join(comma)}]`, "latin1"),
      );
    fc.assert(fc.property(list, agreesOnArray), { numRuns: 3000 });
  });

  it("takes from an array what it takes alone", () => {
    const sent = fc
      .record({
        ciphertext: fc.uint8Array({ maxLength: 600, size: "max" }),
        context: fc.uint8Array({ maxLength: 50 }),
      })
      .map(({ ciphertext, context }) => ({
        ciphertext: Buffer.from(ciphertext).toString("base64"),
        context: Buffer.from(context).toString("base64"),
      }));
    fc.assert(
      fc.property(fc.array(sent, { maxLength: 20 }), (list) => {
        const read = readQuickly(Buffer.from(JSON.stringify(list)), 20);
        expect(read?.map((item) => outcome(() => item))).to.deep.equal(
          list.map((item) => general(Buffer.from(JSON.stringify(item)))),
        );
      }),
    );
  });

  it("reads the items of an array one after another", () => {
    const items = itemsOf(Buffer.from(' [ {"ciphertext":"Zm9v"} ,{}]\n'));
    expect([items.next(), items.next(), items.next()]).to.deep.equal(["item", "item", "end"]);
    expect([copied(items.members(0)), copied(items.members(1))]).to.deep.equal([
      { ciphertext: Buffer.from("foo"), context: Buffer.alloc(0) },
      { ciphertext: Buffer.alloc(0), context: Buffer.alloc(0) },
    ]);
    expect(() => items.members(2)).to.throw(RangeError);
  });

  it("leaves arrays alone for which there is no room", () => {
    const list = Buffer.from(`[${Array.from({ length: 5 }, () => '{"context":"Zm9v"}').join(",")}]`);
    expect(readQuickly(list, 5)).to.have.length(5);
    expect(readQuickly(list, 4)).to.equal(undefined);
    expect(readQuickly(Buffer.from("[]"), 0)).to.deep.equal([]);
  });

  it("gives what may be a secret memory of its own", () => {
    for (const size of [1, 32, 63, 64, 65, 1000]) {
      const body = Buffer.from(`{"plaintext":"${Buffer.alloc(size, 7).toString("base64")}"}`);
      const { plaintext } = own.decode(body);
      expect([plaintext.length, plaintext.byteOffset, plaintext.buffer.byteLength]).to.deep.equal([
        size,
        0,
        size,
      ]);
    }
  });
});
