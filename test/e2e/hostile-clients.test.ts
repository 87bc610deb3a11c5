/**
 * Must hold: clients without any right hold neither the memory nor the event loop of a server of ours. The cheapest rows
 * of `npm run hostile`, with bounds for busy machines.
 */
import { expect } from "chai";
import { behaviours } from "../../bench/hostile/behaviours.js";
import { Arena } from "../../bench/hostile/measure.js";
import { faults, usualBounds } from "../../bench/hostile/verdict.js";

/** The processor time of the loop is measured, not its delay; the other times say how busy the machine is. */
const BOUNDS = { ...usualBounds, delayP999Ms: 150, p99Ms: 3_000, newcomerMs: 5_000 };
const CONDITIONS = { connections: 40, seconds: 1 };
const ROWS = [
  "h1: chunks of one byte, 403",
  "h1: heads of 60 KiB",
  "h1: pipelined requests, answers not read",
  "h2: Huffman, codes of 28 bits",
  "h2: HPACK bomb",
  "h2: pages",
];

describe("e2e: hostile clients", function () {
  this.timeout(120_000);
  let arena: Arena;

  before(async () => {
    arena = await Arena.open("keswick");
  });
  after(() => arena?.close());

  for (const name of ROWS) {
    it(`are borne: ${name}`, async () => {
      const behaviour = behaviours.find((one) => one.name === name);
      if (behaviour === undefined) throw new Error(`nobody behaves like '${name}'`);
      const outcome = await arena.measure(behaviour, CONDITIONS);
      expect(outcome.attack.opened).to.be.at.least(CONDITIONS.connections);
      expect(outcome.regular.answers).to.be.above(0);
      expect(faults(behaviour, outcome, undefined, BOUNDS)).to.deep.equal([]);
    });
  }
});
