import { expect } from "chai";
import fc from "fast-check";
import { errorJson, object, timeText, toJson } from "../../../src/api/wire.js";
import { KesError } from "../../../src/errors.js";

const codec = object({ plaintext: "bytes", context: "bytes" });
const importing = object({ key: "bytes", cipher: "text" }, { error: "IMPORT_BODY_INVALID" });
const optional = object({ context: "bytes" }, { optional: true });

/** The code of the refusal, or what `read` gives. */
function outcome<T>(read: () => T): T | string {
  try {
    return read();
  } catch (error) {
    if (error instanceof KesError) return error.code;
    throw error;
  }
}

/** Plaintext and context as text, parted by a bar. */
function decoded(body: string | Buffer): string {
  const read = outcome(() => codec.decode(Buffer.from(body)));
  return typeof read === "string" ? read : `${read.plaintext}|${read.context}`;
}

describe("object codec", () => {
  // "Zm9v" is foo, "YmFy" is bar.
  const accepted: readonly (readonly [why: string, body: string, members: string])[] = [
    ["an object", '{"plaintext":"Zm9v","context":"YmFy"}', "foo|bar"],
    ["white space", ' \t\r\n{ "plaintext" :\n"Zm9v" } ', "foo|"],
    ["an empty object", "{}", "|"],
    ["null", "null", "|"],
    ["members that are null", '{"plaintext":null,"context":null}', "|"],
    ["empty texts", '{"plaintext":"","context":""}', "|"],
    ["unknown members", '{"version":"v1","x":[{"y":{}}],"plaintext":"Zm9v"}', "foo|"],
    ["a member called __proto__", '{"__proto__":{"context":"YmFy"},"plaintext":"Zm9v"}', "foo|"],
    ["a member called constructor", '{"constructor":1,"plaintext":"Zm9v"}', "foo|"],
    ["capitals", '{"PLAINTEXT":"Zm9v","Context":"YmFy"}', "foo|bar"],
    ["escaped letters", '{"pl\\u0061intext":"Zm9v"}', "foo|"],
    ["the last of two", '{"plaintext":"YmFy","plaintext":"Zm9v"}', "foo|"],
    ["the last of two spellings", '{"plaintext":"YmFy","Plaintext":"Zm9v"}', "foo|"],
    ["the last of two spellings, the other way", '{"Plaintext":"YmFy","plaintext":"Zm9v"}', "foo|"],
    ["null behind a value", '{"plaintext":"Zm9v","plaintext":null}', "|"],
    ["null behind a value in other letters", '{"plaintext":"Zm9v","PlainText":null}', "|"],
    ["a value behind null", '{"plaintext":null,"PlainText":"Zm9v"}', "foo|"],
    ["an array of numbers", '{"plaintext":[102,111,111]}', "foo|"],
    ["an empty array", '{"plaintext":[]}', "|"],
    ["line breaks in base64", '{"plaintext":"Zm\\r\\n9v\\n"}', "foo|"],
    ["trailing bits that are not zero", '{"plaintext":"Zm9="}', "fo|"],
    ["text behind", '{"plaintext":"Zm9v"}{"plaintext":"YmFy"}', "foo|"],
    ["nonsense behind", '{"plaintext":"Zm9v"} ]}"x', "foo|"],
    ["nonsense behind null", "null{", "|"],
    ["braces inside a text", '{"x":"}]\\"}","plaintext":"Zm9v"} trailing', "foo|"],
    ["a deep unknown member", `{"x":${"[".repeat(5000)}${"]".repeat(5000)},"plaintext":"Zm9v"}`, "foo|"],
  ];
  for (const [why, body, members] of accepted) {
    it(`accepts ${why}`, () => expect(decoded(body)).to.equal(members));
  }

  const refused: readonly (readonly [why: string, body: string | Buffer])[] = [
    ["an empty body", ""],
    ["white space alone", " \n"],
    ["a byte order mark", '\ufeff{"plaintext":"Zm9v"}'],
    ["an array", "[]"],
    ["an array behind which an object stands", '[]{"plaintext":"Zm9v"}'],
    ["a text", '"Zm9v"'],
    ["a number", "5"],
    ["true", "true"],
    ["a word", "plaintext"],
    ["half a word", "nul"],
    ["an object that does not end", '{"plaintext":"Zm9v"'],
    ["a text that does not end", '{"plaintext":"Zm9v'],
    ["a comma too many", '{"plaintext":"Zm9v",}'],
    ["single quotes", "{'plaintext':'Zm9v'}"],
    ["a comment", '{"plaintext":"Zm9v"/**/}'],
    ["a line break in a text", '{"plaintext":"Zm9v\n"}'],
    ["a number for bytes", '{"plaintext":5}'],
    ["an object for bytes", '{"plaintext":{}}'],
    ["true for bytes", '{"plaintext":true}'],
    ["a number above a byte", '{"plaintext":[256]}'],
    ["a negative number", '{"plaintext":[-1]}'],
    ["a fraction", '{"plaintext":[1.5]}'],
    ["a text among numbers", '{"plaintext":["1"]}'],
    ["an array in an array", '{"plaintext":[[1]]}'],
    ["URL-safe base64", '{"plaintext":"__8="}'],
    ["base64 without padding", '{"plaintext":"Zm8"}'],
    ["too much padding", '{"plaintext":"Zm9v===="}'],
    ["padding in the middle", '{"plaintext":"Zg==Zg=="}'],
    ["a blank in base64", '{"plaintext":"Zm 9v"}'],
    ["a tab in base64", '{"plaintext":"Zm\\t9v"}'],
    ["one character", '{"plaintext":"Z"}'],
    ["bad base64 under another spelling", '{"PLAINTEXT":"!"}'],
    ["UTF-16", Buffer.from('{"plaintext":"Zm9v"}', "utf16le")],
    ["a NUL in front", '\u0000{"plaintext":"Zm9v"}'],
    ["100,000 brackets", "[".repeat(100_000)],
    ["100,000 braces", '{"a":'.repeat(100_000)],
    ["100,000 brackets as bytes", `{"plaintext":${"[".repeat(100_000)}${"]".repeat(100_000)}}`],
  ];
  for (const [why, body] of refused) {
    it(`refuses ${why}`, () => expect(decoded(body)).to.equal("BODY_INVALID"));
  }

  it("has the route's own error", () => {
    const read = (body: string): unknown => outcome(() => importing.decode(Buffer.from(body)));
    expect(read("")).to.equal("IMPORT_BODY_INVALID");
    expect(read('{"cipher":5}')).to.equal("IMPORT_BODY_INVALID");
    expect(read('{"cipher":["AES256"]}')).to.equal("IMPORT_BODY_INVALID");
    expect(read('{"key":"!"}')).to.equal("IMPORT_BODY_INVALID");
    expect(read('{"CIPHER":"AES256"}')).to.deep.equal({ key: Buffer.alloc(0), cipher: "AES256" });
    expect(read('{"cipher":"AES256","Cipher":null}')).to.have.property("cipher", "AES256");
    // The letter that folds to k, as in Go's decoder.
    expect(read('{"\\u212aey":"AA=="}')).to.deep.equal({ key: Buffer.alloc(1), cipher: "" });
  });

  it("takes no body for an empty object only where the route says so, and never an empty one", () => {
    expect(outcome(() => optional.decode(undefined))).to.deep.equal({ context: Buffer.alloc(0) });
    expect(outcome(() => optional.decode(Buffer.alloc(0)))).to.equal("BODY_INVALID");
    expect(outcome(() => codec.decode(undefined))).to.equal("BODY_INVALID");
  });

  it("tells nothing of the body in an error", () => {
    for (const body of [
      '{"plaintext":"SECRET',
      '{"SECRET',
      "SECRET",
      '{"plaintext":"SECRET!"}',
      '{"plaintext":SECRET}',
    ])
      try {
        codec.decode(Buffer.from(body));
        expect.fail("accepted");
      } catch (error) {
        const texts: string[] = [];
        for (let at = error; at instanceof Error; at = at.cause) texts.push(at.message, at.stack ?? "");
        expect(error).to.be.instanceOf(KesError);
        expect(texts.join("\n")).not.to.include("SECRET");
      }
  });

  it("undoes what JSON.stringify and base64 did, for any bytes and any members around them", () => {
    fc.assert(
      fc.property(
        fc.uint8Array(),
        fc.uint8Array(),
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.string(),
        (plaintext, context, others, behind) => {
          for (const name of Object.keys(others))
            if (/^(plaintext|context)$/i.test(name)) delete others[name];
          const body = JSON.stringify({
            ...others,
            plaintext: Buffer.from(plaintext).toString("base64"),
            context: [...context],
          });
          const read = codec.decode(Buffer.from(body + behind));
          expect(read.plaintext).to.deep.equal(Buffer.from(plaintext));
          expect(read.context).to.deep.equal(Buffer.from(context));
        },
      ),
    );
  });

  it("either reads a body or refuses it, whatever it is", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.uint8Array(), fc.json().map(Buffer.from), fc.string().map(Buffer.from)),
        (body) => {
          outcome(() => codec.decode(Buffer.from(body)));
        },
      ),
    );
  });
});

describe("toJson", () => {
  const cases: readonly (readonly [value: unknown, text: string])[] = [
    [{ names: [], continue_at: "" }, '{"names":[],"continue_at":""}\n'],
    ["<a href='x'>&", "\"\\u003ca href='x'\\u003e\\u0026\"\n"],
    ["\u2028\u2029", '"\\u2028\\u2029"\n'],
    ['a/b\\"\n\u0001', '"a/b\\\\\\"\\n\\u0001"\n'],
    ["ä☰", '"ä☰"\n'],
  ];
  for (const [value, text] of cases) it(`writes ${text.trim()}`, () => expect(toJson(value)).to.equal(text));

  it("is undone by JSON.parse and holds nothing that HTML or JavaScript would read", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = toJson(value);
        expect(JSON.stringify(JSON.parse(text))).to.equal(JSON.stringify(value));
        expect(text).to.match(/^[^<>&\u2028\u2029\n]*\n$/);
      }),
    );
  });
});

describe("errorJson", () => {
  it("keeps the newline before the closing brace", () => {
    expect(errorJson("key does not exist")).to.equal('{"message":"key does not exist"\n}');
  });
  it("escapes as the reference's example does", () => {
    const message = new KesError("KEY_NAME_INVALID", ["a<b>"]).message;
    expect(errorJson(message)).to.equal(
      '{"message":"key name \'a\\u003cb\\u003e\' is empty, too long or contains invalid characters"\n}',
    );
  });
});

describe("timeText", () => {
  const cases: readonly (readonly [ms: number, text: string])[] = [
    [0, "1970-01-01T00:00:00Z"],
    [10_000, "1970-01-01T00:00:10Z"],
    [120, "1970-01-01T00:00:00.12Z"],
    [5, "1970-01-01T00:00:00.005Z"],
    [Date.UTC(2024, 0, 12, 10, 39, 20, 886), "2024-01-12T10:39:20.886Z"],
  ];
  for (const [ms, text] of cases) it(text, () => expect(timeText(ms)).to.equal(text));
});
