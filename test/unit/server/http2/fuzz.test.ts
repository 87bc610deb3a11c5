/** A short form of `npm run fuzz:http2`, and what its long runs have kept. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import { judge } from "../../../support/http2-fuzz/judge.js";
import { Random } from "../../../support/http2-fuzz/random.js";
import { mutate, sequence } from "../../../support/http2-fuzz/sequences.js";
import { PREFACE } from "../../../support/raw-http2.js";

const CORPUS = join(import.meta.dirname, "../../../fixtures/fuzz-http2");
const seed = fc.integer({ min: 0, max: 0xffff_ffff });

describe("server/http2: random frames", function () {
  this.timeout(60_000);

  it("random and bent sequences keep every rule and end in an answer or a proper error", () => {
    fc.assert(
      fc.property(seed, (from) => {
        const random = new Random(from);
        judge(sequence(random), random);
      }),
      { numRuns: 200 },
    );
  });

  it("random bytes behind the preface do, too", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), seed, (bytes, from) => {
        judge(Buffer.concat([PREFACE, bytes]), new Random(from));
      }),
      { numRuns: 200 },
    );
  });

  const kept = readdirSync(CORPUS).filter((name) => name.endsWith(".hex"));
  it(`the ${kept.length} sequences of the corpus do, as they are and bent`, () => {
    expect(kept.length).to.be.greaterThan(0);
    for (const name of kept) {
      const bytes = Buffer.from(readFileSync(join(CORPUS, name), "utf8"), "hex");
      for (let from = 0; from < 2; from++) {
        const random = new Random(from);
        judge(bytes, random);
        judge(mutate(random, bytes), random);
      }
    }
  });
});
