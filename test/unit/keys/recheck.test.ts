import { expect } from "chai";
import { secureRandom } from "../../../src/crypto/random.js";
import { defaultCacheTimes } from "../../../src/keys/options.js";
import { KeyService } from "../../../src/keys/service.js";
import { alpha, bench, hang, isPlain, none, outage, plant, quiet, recover } from "./support.js";

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "fulfilled",
    (error: { code?: string }) => error.code ?? String(error),
  );

describe("a key that another node changed", () => {
  it("is not served any more once it is deleted", async () => {
    const b = bench();
    await plant(b);
    await b.service.generate(alpha, none);
    await b.inner.delete(alpha);
    expect(isPlain(b.service.generate(alpha, none))).to.equal(true);
    await b.service.recheck(alpha);
    expect(await codeOf(Promise.resolve(b.service.generate(alpha, none)))).to.equal("KEY_NOT_FOUND");
  });

  it("is used by its new bytes once it is made anew", async () => {
    const b = bench();
    await plant(b);
    const old = await b.service.generate(alpha, none);
    await b.inner.delete(alpha);
    const fresh = await plant(b);
    await b.service.recheck(alpha);
    const dek = await b.service.generate(alpha, none);
    expect(fresh.open(dek.ciphertext, none).equals(dek.plaintext)).to.equal(true);
    expect(() => fresh.open(old.ciphertext, none)).to.throw();
  });

  for (const [what, happens] of [
    ["is not reached", outage],
    ["hangs", hang],
  ] as const) {
    it(`is served on when the keystore ${what}: nothing that is told costs a key in an outage`, async () => {
      const b = bench({ times: { offlineMs: 3_600_000 } });
      await plant(b);
      await b.service.generate(alpha, none);
      happens(b);
      const told = codeOf(b.service.recheck(alpha));
      await b.clock.advance(60_000);
      expect(await told).to.equal("fulfilled");
      expect((await b.service.generate(alpha, none)).plaintext).to.have.length(32);
      recover(b);
    });
  }

  it("of which nothing is in memory costs no more than a question", async () => {
    const b = bench();
    await b.service.recheck(alpha);
    expect(b.service.stats()).to.include({ entries: 0, fetches: 0 });
  });

  it("is told apart from one that was changed here", async () => {
    const b = bench();
    const told: string[] = [];
    const service = new KeyService({
      keystore: b.keystore,
      clock: b.clock,
      log: b.log,
      random: secureRandom,
      cache: defaultCacheTimes,
      changed: async (name, by) => void told.push(`${name} ${by}`),
    });
    await service.create(alpha, { createdBy: "" });
    await service.recheck(alpha);
    await quiet();
    expect(told).to.deep.equal(["alpha here", "alpha elsewhere"]);
    await service.delete(alpha);
    expect(new Set(told.slice(2))).to.deep.equal(new Set(["alpha here"]));
    await service.close();
  });
});
