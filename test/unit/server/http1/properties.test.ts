import { expect } from "chai";
import fc from "fast-check";
import { Http1Engine } from "../../../../src/server/http1/engine.js";
import { type Outcome, playAll, Theatre, turns } from "../../../support/http1/play.js";
import { readRequests } from "../../../support/http1/reference-reader.js";
import { requests } from "../../../support/http1/request-forms.js";
import { Tape } from "../../../support/http1/tape.js";

const tape = fc.uint8Array({ minLength: 0, maxLength: 400 });
const cuts = fc.array(fc.nat(1_000), { maxLength: 12 });

describe("server/http1: laws", function () {
  this.timeout(60_000);
  const theatre = new Theatre((options) => new Http1Engine(options));
  after(() => theatre.close());

  it("reads exactly the requests that the grammar of RFC 9112 has", async () => {
    await fc.assert(
      fc.asyncProperty(tape, async (choices) => {
        const text = requests(new Tape(choices)).join("");
        const read = readRequests(text).map(({ method, target, values, body }) =>
          [method, target, values.join("|"), body].map((part) => JSON.stringify(part)).join(" "),
        );
        const [steps = []] = await playAll(theatre, [[text]], 12);
        // A body that is too large by its declared length is not waited for, and `/skip` answers without it.
        const served = steps.at(-1)?.requests.filter((line) => !line.endsWith(' "<too-large>"'));
        expect(served).to.deep.equal(read.filter((line) => !line.includes(' "/skip" ')));
      }),
      { numRuns: 1_500 },
    );
  });

  it("sees the same however the bytes are cut", async () => {
    await fc.assert(
      fc.asyncProperty(tape, cuts, async (choices, at) => {
        // Of `/skip` it depends on whether the body is there already, which decides about the connection.
        // A head is looked at again when it is whole, at the latest.
        const text = `${requests(new Tape(choices)).join("").replaceAll("/skip", "/read")}\r\n\r\n`;
        const whole = await playAll(theatre, [[text]], 12);
        const cut = await inPieces(theatre, pieces(text, at));
        const bytewise = await inPieces(theatre, text.length < 1_500 ? [...text] : [text]);
        expect(cut).to.deep.equal(lasting(whole[0]?.at(-1)));
        expect(bytewise).to.deep.equal(lasting(whole[0]?.at(-1)));
      }),
      { numRuns: 500 },
    );
  });

  it("gives back all memory for bodies, and ends every request that it began", () => {
    expect(theatre.fault()).to.equal(undefined);
  });
});

/** What must not depend on how the bytes come: a `100 Continue` does. */
function lasting(outcome: Outcome | undefined): Partial<Outcome> {
  return {
    requests: outcome?.requests ?? [],
    statuses: (outcome?.statuses ?? []).filter((status) => status !== 100),
    refused: outcome?.refused ?? [],
    closes: outcome?.closes ?? false,
  };
}

async function inPieces(theatre: Theatre, all: readonly string[]): Promise<Partial<Outcome>> {
  const scene = theatre.open();
  await turns(1);
  for (const piece of all) scene.socket.feed(piece);
  await turns(12);
  const outcome = scene.outcome();
  scene.socket.destroy();
  await turns(1);
  return lasting(outcome);
}

function pieces(text: string, cuts: readonly number[]): string[] {
  const places = [...new Set(cuts.map((cut) => cut % (text.length + 1)))].sort((a, b) => a - b);
  return [0, ...places].map((start, i) => text.slice(start, places[i] ?? text.length));
}
