import { expect } from "chai";
import { codeOf, named } from "../../support/keystore.js";
import { alpha, type Bench, bench, hang, isPlain, none, outage, plant, quiet, recover } from "./support.js";

const times = { anyMs: 300_000, unusedMs: 60_000, revalidateMs: 10_000 };

const hmac = async ({ service }: Bench): Promise<unknown> => service.hmac(alpha, none);

describe("revalidation of keys in memory", () => {
  it("ends the use of a key that was deleted elsewhere within its time, used meanwhile or not", async () => {
    for (const useEveryMs of [100, 1_000, 7_000, 9_999]) {
      const b = bench({ times });
      await plant(b);
      await b.service.generate(alpha, none);
      await b.inner.delete(alpha);
      let lastServedMs = 0;
      for (let ms = useEveryMs; ms <= 20_000; ms += useEveryMs) {
        await b.clock.advance(useEveryMs);
        const served = await codeOf(hmac(b));
        if (served === "fulfilled") lastServedMs = ms;
        else expect(served, `after ${ms} ms`).to.equal("KEY_NOT_FOUND");
      }
      expect(lastServedMs, `used every ${useEveryMs} ms`).to.be.at.most(10_000);
      await b.service.close();
    }
  });

  it("costs no request anything: the key is served from memory all along", async () => {
    const b = bench({ times });
    await plant(b);
    await b.service.generate(alpha, none);
    for (let second = 0; second < 100; second++) {
      await b.clock.advance(1_000);
      expect(isPlain(b.service.hmac(alpha, none))).to.equal(true);
    }
    expect(b.service.stats().misses).to.equal(1);
    // One fetch about every 5 to 7.5 s.
    expect(b.keystore.calls.get).to.be.within(14, 21);
    await b.service.close();
  });

  it("does not keep a key that nobody uses", async () => {
    const b = bench({ times });
    await plant(b);
    await b.service.generate(alpha, none);
    await b.clock.advance(200_000);
    expect(b.service.stats().entries).to.equal(0);
    expect(b.keystore.calls.get).to.be.below(15);
    await b.service.close();
  });

  it("is off when it is not asked for", async () => {
    const b = bench({ times: { anyMs: 300_000, unusedMs: 0 } });
    await plant(b);
    await b.service.generate(alpha, none);
    await b.clock.advance(200_000);
    expect(b.keystore.calls.get).to.equal(1);
    await b.service.close();
  });

  it("does not end the use of a key because the keystore is out", async () => {
    for (const fail of [outage, hang]) {
      const b = bench({ times: { ...times, unusedMs: 0 } });
      await plant(b);
      await b.service.generate(alpha, none);
      fail(b);
      for (let second = 0; second < 60; second++) {
        await b.clock.advance(1_000);
        expect(isPlain(b.service.hmac(alpha, none))).to.equal(true);
      }
      const asked = b.keystore.calls.get;
      // An outage that is known is not made worse.
      await b.clock.advance(60_000);
      expect((b.keystore.calls.get ?? 0) - (asked ?? 0)).to.be.below(3);
      recover(b);
      await b.inner.delete(alpha);
      await b.clock.advance(30_000);
      expect(await codeOf(hmac(b))).to.equal("KEY_NOT_FOUND");
      await b.service.close();
    }
  });

  it("takes at most 1,000 keys at a time", async () => {
    const b = bench({ times, limits: { maxFetches: 2_000 } });
    const names = Array.from({ length: 1_500 }, (_, i) => named(`key-${i}`));
    for (const name of names) await plant(b, name);
    await Promise.all(names.map((name) => b.service.generate(name, none)));
    const before = b.keystore.calls.get ?? 0;
    await b.clock.advance(5_100);
    await quiet();
    expect((b.keystore.calls.get ?? 0) - before).to.equal(1_000);
    await b.service.close();
  });
});
