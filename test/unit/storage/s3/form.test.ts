import { PassThrough } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { expect } from "chai";
import fc from "fast-check";
import type { S3Failure } from "../../../../src/storage/s3/errors.js";
import { readForm } from "../../../../src/storage/s3/form.js";
import { contentOf, cutAt, refusedLater, sourceOf } from "./support.js";

/** Stands for the file's name. */
const NAME = ["$", "{filename}"].join("");
const TYPE = "multipart/form-data; boundary=XX";

type Part = readonly [name: string, value: string, filename?: string];

function formOf(...parts: readonly Part[]): string {
  const texts = parts.map(([name, value, filename]) => {
    const file = filename === undefined ? "" : `; filename="${filename}"\r\nContent-Type: text/plain`;
    return `--XX\r\nContent-Disposition: form-data; name="${name}"${file}\r\n\r\n${value}\r\n`;
  });
  return `${texts.join("")}--XX--\r\n`;
}

describe("storage/s3 forms", () => {
  it("gives the fields, then the file, however the form is cut", async () => {
    const form = Buffer.from(
      formOf(["Key", `up/${NAME}`], ["x-amz-meta-a", "ü"], ["file", "co\r\n--X\r\nntent", "näme$&.txt"]),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(400), { maxLength: 30 }), async (cuts) => {
        const { fields, file } = await readForm(sourceOf(...cutAt(form, cuts)), TYPE);
        expect([...fields]).to.deep.equal([
          ["key", "up/näme$&.txt"],
          ["x-amz-meta-a", "ü"],
        ]);
        expect((await contentOf(file)).toString()).to.equal("co\r\n--X\r\nntent");
      }),
      { numRuns: 50 },
    );
  });

  it("takes a file without a name, or an empty one, and no field behind it", async () => {
    const { fields, file } = await readForm(
      sourceOf(formOf(["key", `k${NAME}`], ["file", ""], ["key", "other"], ["acl", "x"])),
      TYPE,
    );
    expect(await contentOf(file)).to.have.length(0);
    expect([...fields]).to.deep.equal([["key", "k"]]);
  });

  const large = "v".repeat(21 * 1024);
  const refusals: readonly (readonly [string, string, string, S3Failure])[] = [
    ["another type", "text/plain", formOf(["file", "x"]), "FORM_MALFORMED"],
    ["no boundary", "multipart/form-data", formOf(["file", "x"]), "FORM_MALFORMED"],
    ["no file", TYPE, formOf(["key", "k"]), "FORM_FILE_MISSING"],
    ["nothing", TYPE, "", "FORM_MALFORMED"],
    ["text", TYPE, "hello", "FORM_MALFORMED"],
    ["a field that is too large", TYPE, formOf(["key", large], ["file", "x"]), "FORM_FIELDS_TOO_LARGE"],
    [
      "fields that are too large together",
      TYPE,
      formOf(...Array.from({ length: 30 }, (_, i): Part => [`f${i}`, "v".repeat(1000)]), ["file", "x"]),
      "FORM_FIELDS_TOO_LARGE",
    ],
    [
      "too many fields",
      TYPE,
      formOf(...Array.from({ length: 101 }, (_, i): Part => [`f${i}`, ""]), ["file", "x"]),
      "FORM_FIELDS_TOO_LARGE",
    ],
    ["a field twice", TYPE, formOf(["key", "a"], ["Key", "b"], ["file", "x"]), "FORM_MALFORMED"],
    ["an end before the file", TYPE, formOf(["key", "a"]).replace("--XX--\r\n", ""), "FORM_MALFORMED"],
  ];
  for (const [what, type, text, failure] of refusals) {
    it(`refuses ${what}`, () => refusedLater(() => readForm(sourceOf(text), type), failure));
  }

  it("does not take a file for whole whose form is not", async () => {
    const whole = formOf(["key", "k"], ["file", "content", "f"]);
    for (const cut of [1, 4, 8, 12, 16]) {
      const { file } = await readForm(sourceOf(whole.slice(0, -cut)), TYPE).catch(() => ({
        file: undefined,
      }));
      // `--XX-` and `--XX` are no end; the line feed behind it may be missing.
      if (file === undefined || cut <= 2) continue;
      await refusedLater(() => contentOf(file), "FORM_MALFORMED");
    }
  });

  it("does not take a file for whole while the form goes on", async () => {
    const source = new PassThrough();
    source.write(formOf(["key", "k"], ["file", "content", "f"], ["submit", "x"]).slice(0, -20));
    const { file } = await readForm(source, TYPE);
    const reading = refusedLater(() => contentOf(file), "FORM_MALFORMED");
    for (let turn = 0; turn < 5; turn++) await setImmediate();
    source.end();
    await reading;
  });

  it("fails when the client goes away, before the file and inside of it", async () => {
    const start = formOf(["key", "k"], ["file", "content", "f"]);
    const early = new PassThrough();
    const waiting = refusedLater(() => readForm(early, TYPE), "BODY_INCOMPLETE");
    early.write(start.slice(0, 40));
    await setImmediate();
    early.destroy();
    await waiting;

    const late = new PassThrough();
    late.write(start.slice(0, -15));
    const { file } = await readForm(late, TYPE);
    const reading = refusedLater(() => contentOf(file), "BODY_INCOMPLETE");
    await setImmediate();
    late.destroy();
    await reading;
  });

  it("stops reading when nobody wants the file any more, and leaves the source alive", async () => {
    const source = new PassThrough();
    source.write(formOf(["key", "k"], ["file", "x".repeat(1000), "f"]).slice(0, 500));
    const { file } = await readForm(source, TYPE);
    file.destroy();
    await setImmediate();
    source.write("more");
    await setImmediate();
    expect(source.destroyed).to.equal(false);
    expect(source.readableFlowing).to.equal(false);
  });

  it("takes no more memory than streams do while nobody reads", async () => {
    const source = new PassThrough();
    source.write(formOf(["key", "k"], ["file", "start", "f"]).replace("\r\n--XX--\r\n", ""));
    const { file } = await readForm(source, TYPE);
    const piece = Buffer.alloc(64 * 1024, "x");
    let accepted = 0;
    while (accepted < 100 && source.write(piece)) {
      accepted++;
      await setImmediate();
    }
    await setImmediate();
    expect(accepted).to.be.lessThan(20);
    expect(file.readableLength).to.be.lessThan(1024 * 1024);
    file.destroy();
  });
});
