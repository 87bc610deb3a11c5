import { expect } from "chai";
import fc from "fast-check";
import { explained } from "../../../support/http1/differences.js";
import { Differential } from "../../../support/http1/differential.js";
import { requests } from "../../../support/http1/request-forms.js";
import { SeededChoices, Tape } from "../../../support/http1/tape.js";

describe("server/http1: beside node:http", function () {
  this.timeout(60_000);
  const differential = new Differential();
  after(() => differential.close());
  const { figures } = differential;

  it("makes the same of generated requests, but for differences that are explained", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async (choices) => {
        await differential.play([requests(new Tape(choices))]);
        expect(figures.unexplained).to.deep.equal([]);
      }),
      { numRuns: 300 },
    );
  });

  it("makes the same of thousands more", async () => {
    const scripts = Array.from({ length: 6_000 }, (_, seed) => requests(new SeededChoices(seed)));
    await differential.play(scripts);
    expect(figures.unexplained).to.deep.equal([]);
    // Most are alike, or the table would explain a parser that refuses everything.
    expect(figures.alike).to.be.greaterThan(figures.connections * 0.6);
  });

  for (const host of ["Host: a\r\nHost: b\r\n", "Host: a, b\r\n", ""]) {
    it(`looks at '${host.trim()}' before it looks at an expectation`, async () => {
      const one = new Differential();
      await one.play([[`GET /read HTTP/1.1\r\n${host}Expect: 200-ok\r\n\r\n`]]);
      one.close();
      expect(one.figures).to.include({ alike: 1 });
    });
  }

  it("serves nothing behind a request without a usable Host", async () => {
    const one = new Differential();
    const follower = "GET /read HTTP/1.1\r\nHost: a\r\n\r\n";
    await one.play([[`POST /read HTTP/1.1\r\nHost: a b\r\nContent-Length: 00\r\n\r\n${follower}`]]);
    one.close();
    expect(one.figures).to.include({ alike: 1 });
  });

  const { llhttp = "" } = process.versions;
  const [major = 0, minor = 0] = llhttp.split(".").map(Number);
  for (const { why, example, goneIn = [Number.POSITIVE_INFINITY, 0] } of explained) {
    const isGone = major > goneIn[0] || (major === goneIn[0] && minor >= goneIn[1]);
    it(`parts for a reason: ${why}`, async () => {
      const one = new Differential();
      await one.play([example]);
      one.close();
      expect(one.figures.unexplained).to.deep.equal([]);
      expect([...one.figures.explained.keys()]).to.deep.equal(isGone ? [] : [why]);
    });
  }
});
