import { readFileSync } from "node:fs";
import { expect } from "chai";
import fc from "fast-check";
import { DateField } from "../../../../src/server/http2/date-field.js";
import { ConnectionError } from "../../../../src/server/http2/errors.js";
import type { HeaderField } from "../../../../src/server/http2/header-field.js";
import { HpackDecoder } from "../../../../src/server/http2/hpack-decoder.js";
import { HpackEncoder } from "../../../../src/server/http2/hpack-encoder.js";
import { huffmanDecode, huffmanEncode, huffmanLength } from "../../../../src/server/http2/huffman.js";
import { STATIC_TABLE } from "../../../../src/server/http2/static-table.js";

type Pair = readonly [name: string, value: string];
interface Step {
  readonly block: string;
  readonly fields: readonly Pair[];
  readonly table: readonly Pair[];
  readonly tableSize: number;
}
interface Vectors {
  readonly cases: readonly { id: string; maxTableSize: number; steps: readonly Step[] }[];
  readonly invalid: readonly { id: string; block: string }[];
}
const { cases, invalid } = JSON.parse(
  readFileSync(new URL("../../../vectors/hpack.json", import.meta.url), "utf8"),
) as Vectors;

function decode(decoder: HpackDecoder, block: Uint8Array): Pair[] {
  const fields: Pair[] = [];
  decoder.decode(block, 0, block.length, { add: ({ name, value }) => void fields.push([name, value]) });
  return fields;
}
const pair = ({ name, value }: HeaderField): Pair => [name, value];
const bytes = (text: string): string => Buffer.from(text, "latin1").toString("hex");
const latin1 = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((c) => String.fromCharCode(c)) });

describe("server/http2/hpack", () => {
  describe("decoder: RFC 7541, appendix C", () => {
    for (const { id, maxTableSize, steps } of cases) {
      it(id, () => {
        const decoder = new HpackDecoder(maxTableSize);
        for (const { block, fields, table, tableSize } of steps) {
          expect(decode(decoder, Buffer.from(block, "hex"))).to.deep.equal(fields);
          expect(decoder.table.map(pair)).to.deep.equal(table);
          expect(decoder.tableSize).to.equal(tableSize);
        }
      });
    }

    for (const { id, block } of invalid) {
      it(`refuses ${id}`, () => {
        const run = (): unknown => decode(new HpackDecoder(), Buffer.from(block, "hex"));
        expect(run).to.throw(ConnectionError).with.property("code", 0x9);
      });
    }
  });

  it("keeps the table within its bound, whatever is inserted", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(latin1, fc.nat(5_000))), (entries) => {
        const decoder = new HpackDecoder();
        for (const [name, length] of entries) {
          const value = Buffer.alloc(length, 97);
          const block = Buffer.concat([Buffer.of(0x40), text(name), text(value.toString())]);
          decode(decoder, block);
          expect(decoder.tableSize).to.be.at.most(4096);
          const sum = decoder.table.reduce((total, { size }) => total + size, 0);
          expect(sum).to.equal(decoder.tableSize);
        }
      }),
    );
  });

  it("refuses random bytes with nothing but a ConnectionError, or reads them", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 }), (blocks) => {
        const decoder = new HpackDecoder();
        try {
          for (const block of blocks) decode(decoder, block);
        } catch (error) {
          expect(error).to.be.instanceOf(ConnectionError);
        }
      }),
    );
  });

  describe("Huffman code", () => {
    // RFC 7541, appendix C.4 and C.6.
    const known: readonly Pair[] = [
      ["www.example.com", "f1e3c2e5f23a6ba0ab90f4ff"],
      ["no-cache", "a8eb10649cbf"],
      ["custom-key", "25a849e95ba97d7f"],
      ["302", "6402"],
      ["Mon, 21 Oct 2013 20:13:21 GMT", "d07abe941054d444a8200595040b8166e082a62d1bff"],
    ];
    for (const [plain, coded] of known) {
      it(plain, () => {
        const out = Buffer.alloc(huffmanLength(plain));
        expect(huffmanEncode(plain, out, 0)).to.equal(out.length);
        expect(out.toString("hex")).to.equal(coded);
        expect(huffmanDecode(out, 0, out.length)).to.equal(plain);
      });
    }

    it("decoding undoes encoding, for every byte", () => {
      const all = String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i));
      fc.assert(
        fc.property(fc.oneof(latin1, fc.constant(all)), (plain) => {
          const out = Buffer.alloc(huffmanLength(plain));
          expect(huffmanEncode(plain, out, 0)).to.equal(out.length);
          expect(bytes(huffmanDecode(out, 0, out.length) ?? "none")).to.equal(bytes(plain));
        }),
      );
    });

    it("what decodes is the encoding of what came out: no two codings of one string", () => {
      fc.assert(
        fc.property(fc.uint8Array({ minLength: 1, maxLength: 12 }), (coded) => {
          const plain = huffmanDecode(coded, 0, coded.length);
          if (plain === undefined) return;
          const out = Buffer.alloc(huffmanLength(plain));
          huffmanEncode(plain, out, 0);
          expect(out.toString("hex")).to.equal(Buffer.from(coded).toString("hex"));
        }),
        { numRuns: 2_000 },
      );
    });
  });

  describe("encoder", () => {
    const date = new DateField(() => Date.UTC(2013, 9, 21, 20, 13, 21, 500));
    const dated = ["date", "Mon, 21 Oct 2013 20:13:21 GMT"] as const;
    const encode = (encoder: HpackEncoder, status: number, headers: Record<string, string | number>) => {
      const out = Buffer.alloc(encoder.measure(headers));
      const end = encoder.encode(status, headers, 12, out, 0);
      expect(end).to.be.at.most(out.length);
      return out.subarray(0, end);
    };

    it("sends what is the same in every answer as one byte from the second on", () => {
      const encoder = new HpackEncoder(date);
      const headers = { "content-type": "application/json" };
      encode(encoder, 200, headers);
      const second = encode(encoder, 200, headers);
      // :status 200, the first entry of the dynamic table, date (index 33) and content-length (28) without indexing;
      // the date as in RFC 7541, appendix C.6.1.
      const coded = "0f1296d07abe941054d444a8200595040b8166e082a62d1bff";
      expect(second.toString("hex")).to.equal(`88be${coded}0f0d02${bytes("12")}`);
    });

    const headers = fc.dictionary(
      fc.constantFrom("content-type", "x-request-id", "location", "retry-after", "allow", "x-other"),
      fc.oneof(
        fc.constantFrom("application/json", "a"),
        fc.string({ minLength: 0, maxLength: 300 }).map((value) => value.replaceAll(/[^ -~]/g, "_")),
        fc.nat(),
      ),
    );
    it("decoding undoes encoding, through changes of the table's size", () => {
      const answer = fc.record({
        status: fc.integer({ min: 100, max: 599 }),
        headers,
        resize: fc.option(fc.nat(6_000)),
      });
      fc.assert(
        fc.property(fc.array(answer), (answers) => {
          const encoder = new HpackEncoder(date);
          const decoder = new HpackDecoder();
          for (const { status, headers, resize } of answers) {
            if (resize !== null) encoder.resize(resize);
            const fields = decode(decoder, encode(encoder, status, headers));
            const sent = Object.entries(headers).map(([name, value]) => [name, String(value)]);
            const last = status < 200 ? [] : [dated, ["content-length", "12"]];
            expect(fields).to.deep.equal([[":status", String(status)], ...sent, ...last]);
          }
        }),
      );
    });

    it("keeps to the table's size that the client allows", () => {
      const encoder = new HpackEncoder(date);
      const decoder = new HpackDecoder(100);
      encoder.resize(100);
      for (let i = 0; i < 50; i++) {
        decode(
          decoder,
          encode(encoder, 200, { [`x-${i % 7}`]: "a".repeat(i), "content-type": "text/plain" }),
        );
      }
      expect(decoder.tableSize).to.be.at.most(100);
    });

    it("refuses values that would be read as something else", () => {
      for (const value of ["a\r\nb: c", "a\0", "€", "a\x7f"]) {
        expect(() => new HpackEncoder(date).measure({ location: value }), value).to.throw("cannot be sent");
      }
    });
  });

  it("the static table has 61 entries, none twice", () => {
    expect(new Set(STATIC_TABLE.map(([name, value]) => `${name}\n${value}`)).size).to.equal(61);
  });
});

/** A string that is not compressed. */
function text(value: string): Buffer {
  const content = Buffer.from(value, "latin1");
  if (content.length < 127) return Buffer.concat([Buffer.of(content.length), content]);
  const length = [127];
  let rest = content.length - 127;
  for (; rest >= 128; rest >>= 7) length.push((rest & 0x7f) | 0x80);
  return Buffer.concat([Buffer.from([...length, rest]), content]);
}
