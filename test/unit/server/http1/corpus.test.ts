import { expect } from "chai";
import { Corpus } from "../../../../bench/http1-fuzz/corpus.js";
import { Fuzzer } from "../../../../bench/http1-fuzz/fuzzer.js";

const CORPUS = new URL("../../../../bench/http1-fuzz/corpus.jsonl", import.meta.url).pathname;

describe("server/http1: the fuzzer", function () {
  this.timeout(120_000);

  it("finds nothing in its corpus, nor in some changes of it", async () => {
    const { inputs } = await Corpus.read(CORPUS);
    expect(inputs.length).to.be.greaterThan(300);
    const fuzzer = new Fuzzer(inputs, 1);
    for (let i = 0; i < 12; i++) await fuzzer.round();
    expect(fuzzer.findings).to.deep.equal([]);
    expect(fuzzer.inputs).to.be.greaterThan(inputs.length + 2_000);
  });
});
