import { expect } from "chai";
import { KeyVersion } from "../../../src/crypto/key-version.js";
import { secureRandom } from "../../../src/crypto/random.js";
import { RetiredKeys } from "../../../src/keys/retired.js";
import type { KeyService } from "../../../src/keys/service.js";
import { codeOf, named } from "../../support/keystore.js";
import {
  abortableCall,
  alpha,
  bench,
  context,
  FakeClock,
  isPlain,
  none,
  outage,
  plant,
  quiet,
  recover,
} from "./support.js";

/** Uses the key, waiting if need be. */
const use = async (service: KeyService, name = alpha) => service.generate(name, none);

describe("key cache", () => {
  it("answers from memory without a promise and without the keystore", async () => {
    const b = bench();
    await plant(b);
    const dek = await use(b.service);
    const asked = { ...b.keystore.calls };
    const sealed = b.service.encrypt(alpha, dek.plaintext, context);
    expect(Buffer.isBuffer(sealed)).to.equal(true);
    expect(b.service.decrypt(alpha, dek.ciphertext, none)).to.deep.equal(dek.plaintext);
    expect(isPlain(b.service.generate(alpha, none))).to.equal(true);
    expect(isPlain(b.service.hmac(alpha, none))).to.equal(true);
    expect(isPlain(b.service.describe(alpha))).to.equal(true);
    expect(b.keystore.calls).to.deep.equal(asked);
  });

  it("makes no signal when the key is in memory", async () => {
    const b = bench();
    await plant(b);
    await use(b.service);
    const call = {
      signal: () => {
        throw new Error("asked for a signal");
      },
    };
    b.service.generate(alpha, none, call);
    b.service.encrypt(alpha, none, none, call);
    b.service.hmac(alpha, none, call);
  });

  it("10,000 concurrent requests for a cold key cost one fetch", async () => {
    const b = bench();
    await plant(b);
    const all = await Promise.all(Array.from({ length: 10_000 }, () => use(b.service)));
    expect(all).to.have.length(10_000);
    expect(b.keystore.calls.get).to.equal(1);
    expect(b.service.stats()).to.include({ fetches: 1, misses: 10_000, entries: 1 });
  });

  it("10,000 concurrent requests for a missing key cost one fetch and all get the answer", async () => {
    const b = bench();
    const ends = await Promise.all(Array.from({ length: 10_000 }, () => codeOf(use(b.service))));
    expect(new Set(ends)).to.deep.equal(new Set(["KEY_NOT_FOUND"]));
    expect(b.keystore.calls.get).to.equal(1);
  });

  it("never caches that a key does not exist", async () => {
    const b = bench();
    expect(await codeOf(use(b.service))).to.equal("KEY_NOT_FOUND");
    await plant(b);
    await use(b.service);
    expect(b.keystore.calls.get).to.equal(2);
  });

  describe("ages", () => {
    it("measures `any` for each key from its own fetch", async () => {
      const b = bench({ times: { anyMs: 100_000, unusedMs: 0 } });
      const beta = named("beta");
      await plant(b);
      await plant(b, beta);
      await use(b.service);
      await b.clock.advance(60_000);
      await use(b.service, beta);
      await b.clock.advance(39_999);
      expect(isPlain(b.service.hmac(alpha, none))).to.equal(true);
      await quiet();
      // That use was late enough to fetch alpha in the background; beta is younger.
      expect(b.keystore.calls.get).to.equal(3);
      await b.clock.advance(60_000);
      expect(isPlain(b.service.hmac(alpha, none))).to.equal(true);
      await b.clock.advance(1);
      expect(isPlain(b.service.hmac(beta, none))).to.equal(false);
    });

    it("asks the keystore again after `any`, however busy the key", async () => {
      const b = bench({ times: { anyMs: 60_000 } });
      await plant(b);
      await use(b.service);
      // Uses up to 89 % of its age refresh nothing; the next one comes when it is over.
      for (let second = 0; second < 53; second++) {
        await b.clock.advance(1000);
        expect(isPlain(b.service.hmac(alpha, none))).to.equal(true);
      }
      expect(b.keystore.calls.get).to.equal(1);
      await b.clock.advance(7000);
      expect(isPlain(b.service.hmac(alpha, none))).to.equal(false);
      await quiet();
      expect(b.keystore.calls.get).to.equal(2);
    });

    it("fetches a busy key ahead, once and in the background, so that no request pays", async () => {
      const b = bench({ times: { anyMs: 60_000 } });
      await plant(b);
      await use(b.service);
      for (let second = 0; second < 600; second++) {
        await b.clock.advance(1000);
        for (let i = 0; i < 5; i++) expect(isPlain(b.service.hmac(alpha, none))).to.equal(true);
      }
      // 600 s at a fetch every 54 to 55 s.
      expect(b.keystore.calls.get).to.be.within(10, 13);
      expect(b.service.stats().misses).to.equal(1);
    });

    it("does not use a key beyond `any` when fetching ahead fails", async () => {
      const b = bench({ times: { anyMs: 60_000 } });
      await plant(b);
      await use(b.service);
      outage(b);
      for (let second = 1; second < 60; second++) {
        await b.clock.advance(1000);
        expect(isPlain(b.service.hmac(alpha, none))).to.equal(true);
      }
      await b.clock.advance(1000);
      expect(await codeOf(use(b.service))).to.equal("KEY_READ_FAILED");
    });

    it("drops at once a key that fetching ahead finds deleted elsewhere", async () => {
      const b = bench({ times: { anyMs: 60_000, unusedMs: 0, offlineMs: 600_000 } });
      await plant(b);
      await use(b.service);
      await b.inner.delete(alpha);
      await b.clock.advance(55_000);
      expect(isPlain(b.service.hmac(alpha, none))).to.equal(true);
      await quiet();
      expect(b.service.stats().entries).to.equal(0);
      expect(await codeOf(use(b.service))).to.equal("KEY_NOT_FOUND");
    });

    it("drops a key that is not used for `unused`", async () => {
      const b = bench({ times: { unusedMs: 30_000 } });
      await plant(b);
      await use(b.service);
      for (let i = 0; i < 4; i++) {
        await b.clock.advance(29_999);
        expect(isPlain(b.service.hmac(alpha, none))).to.equal(true);
      }
      await b.clock.advance(30_000);
      expect(isPlain(b.service.hmac(alpha, none))).to.equal(false);
    });

    it("removes what is over from memory without being asked", async () => {
      const b = bench();
      await plant(b);
      await use(b.service);
      expect(b.service.stats().entries).to.equal(1);
      await b.clock.advance(60_000);
      expect(b.service.stats().entries).to.equal(0);
    });

    it("switches a rule off with 0", async () => {
      const b = bench({ times: { anyMs: 0, unusedMs: 0 } });
      await plant(b);
      await use(b.service);
      await b.clock.advance(1e8);
      expect(isPlain(b.service.hmac(alpha, none))).to.equal(true);
      expect(b.keystore.calls.get).to.equal(1);
    });
  });

  describe("limits", () => {
    it("drops what was fetched longest ago past the largest number of entries", async () => {
      const b = bench({ limits: { maxEntries: 3 } });
      const names = ["a", "b", "c", "d"].map(named);
      for (const name of names) {
        await plant(b, name);
        await use(b.service, name);
      }
      expect(b.service.stats().entries).to.equal(3);
      expect(isPlain(b.service.hmac(named("d"), none))).to.equal(true);
      expect(isPlain(b.service.hmac(named("a"), none))).to.equal(false);
      await quiet();
      // Fetching a again moved it to the end: b is the oldest now.
      expect(isPlain(b.service.hmac(named("a"), none))).to.equal(true);
      expect(isPlain(b.service.hmac(named("b"), none))).to.equal(false);
    });

    it("fetches so many keys at a time, lets so many wait, and refuses the rest", async () => {
      const b = bench({ limits: { maxFetches: 2, maxWaitingFetches: 3 } });
      const names = Array.from({ length: 6 }, (_, i) => named(`k${i}`));
      for (const name of names) await plant(b, name);
      b.keystore.script = [{ method: "get", fault: { kind: "hang" } }];
      const ends = names.map((name) => codeOf(use(b.service, name)));
      await quiet();
      expect(b.keystore.calls.get).to.equal(2);
      expect(await ends[5]).to.equal("KEYSTORE_BUSY");
      recover(b);
      expect(await Promise.all(ends.slice(0, 5))).to.deep.equal(Array(5).fill("fulfilled"));
      expect(b.keystore.calls.get).to.equal(5);
      // All slots were given back.
      b.service.forget(names[0] ?? alpha);
      await use(b.service, names[0]);
    });

    it("does not begin a fetch that nobody waits for any more", async () => {
      const b = bench({ limits: { maxFetches: 1 } });
      await plant(b);
      b.keystore.script = [{ method: "get", name: "other", fault: { kind: "hang" } }];
      const first = codeOf(use(b.service, named("other")));
      const { call, abort } = abortableCall();
      const second = codeOf(Promise.resolve(b.service.generate(alpha, none, call)));
      await quiet();
      abort();
      expect(await second).to.equal("KEYSTORE_TIMEOUT");
      recover(b);
      expect(await first).to.equal("KEY_NOT_FOUND");
      await quiet();
      expect(b.keystore.calls.get).to.equal(1);
      await use(b.service);
    });
  });

  describe("waiting", () => {
    it("ends a request at its deadline although the adapter ignores its signal, and keeps the fetch", async () => {
      const b = bench();
      await plant(b);
      let answer = (): void => {};
      const until = new Promise<void>((resolve) => {
        answer = resolve;
      });
      b.keystore.script = [{ method: "get", fault: { kind: "late", until } }];
      const { call, abort } = abortableCall();
      const left = codeOf(Promise.resolve(b.service.generate(alpha, none, call)));
      const stays = use(b.service);
      await quiet();
      abort();
      expect(await left).to.equal("KEYSTORE_TIMEOUT");
      answer();
      expect((await stays).plaintext).to.have.length(32);
      expect(b.keystore.calls.get).to.equal(1);
    });

    it("ends a fetch at its own deadline although the adapter ignores its signal", async () => {
      const b = bench({ limits: { fetchTimeoutMs: 10_000 } });
      await plant(b);
      b.keystore.script = [{ method: "get", fault: { kind: "late", until: new Promise(() => {}) } }];
      const end = codeOf(use(b.service));
      await b.clock.advance(9_999);
      expect(await Promise.race([end, quiet().then(() => "waits")])).to.equal("waits");
      await b.clock.advance(1);
      expect(await end).to.equal("KEYSTORE_TIMEOUT");
    });

    it("an overtaken fetch that lands leaves the newer one to be joined", async () => {
      const b = bench();
      await plant(b);
      const answers: (() => void)[] = [];
      b.keystore.script = [1, 2].map((call) => ({
        ...{ method: "get", call },
        fault: { kind: "late", until: new Promise<void>((resolve) => answers.push(resolve)) },
      }));
      const first = use(b.service);
      await quiet();
      b.service.forget(alpha);
      const second = use(b.service);
      await quiet();
      answers[0]?.();
      await quiet();
      const third = use(b.service);
      await quiet();
      expect(b.keystore.calls.get).to.equal(2);
      answers[1]?.();
      for (const dek of await Promise.all([first, second, third])) expect(dek.ciphertext).to.have.length(76);
      expect(b.keystore.calls.get).to.equal(2);
    });

    it("does not let one client that leaves spoil the fetch of another", async () => {
      const b = bench();
      await plant(b);
      b.keystore.script = [{ method: "get", fault: { kind: "hang" } }];
      const { call, abort } = abortableCall();
      const left = codeOf(Promise.resolve(b.service.generate(alpha, none, call)));
      const stays = use(b.service);
      await quiet();
      abort();
      expect(await left).to.equal("KEYSTORE_TIMEOUT");
      recover(b);
      expect((await stays).ciphertext).to.have.length(76);
    });
  });

  describe("failures", () => {
    const table = [
      [{ kind: "fail", code: "KEYSTORE_UNREACHABLE" }, "KEY_READ_FAILED"],
      [{ kind: "fail", code: "KEYSTORE_UNAVAILABLE" }, "KEY_READ_FAILED"],
      [{ kind: "fail", code: "KEYSTORE_BUSY" }, "KEYSTORE_BUSY"],
      [{ kind: "fail", code: "KEY_EXISTS" }, "KEY_READ_FAILED"],
      [{ kind: "fail", code: "DECRYPT_FAILED" }, "KEY_READ_FAILED"],
      [{ kind: "forget" }, "KEY_NOT_FOUND"],
      [{ kind: "lie" }, "KEY_READ_FAILED"],
      [{ kind: "lie", value: Buffer.alloc(0) }, "KEY_READ_FAILED"],
      [{ kind: "lie", value: Buffer.from("garbage") }, "KEY_READ_FAILED"],
      [{ kind: "tear", bytes: 100 }, "KEY_READ_FAILED"],
    ] as const;
    for (const [fault, code] of table) {
      it(`answers ${code} when get ends in ${JSON.stringify(fault)}`, async () => {
        const b = bench({ script: [{ method: "get", fault }] });
        await plant(b);
        const calls: readonly (() => unknown)[] = [
          () => b.service.generate(alpha, none),
          () => b.service.encrypt(alpha, none, none),
          () => b.service.decrypt(alpha, none, none),
          () => b.service.hmac(alpha, none),
          () => b.service.describe(alpha),
        ];
        for (const call of calls) {
          expect(await codeOf(Promise.resolve().then(call))).to.equal(code);
        }
        expect(b.service.stats().entries).to.equal(0);
        recover(b);
        await b.clock.advance(2000);
        await use(b.service);
      });
    }

    it("repeats a failure for 50 ms, doubling to 2 s, without touching the keystore", async () => {
      const b = bench();
      await plant(b);
      outage(b, ["get"]);
      const gets = () => b.keystore.calls.get;
      for (const [round, delay] of [50, 100, 200, 400, 800, 1600, 2000, 2000].entries()) {
        expect(await codeOf(use(b.service))).to.equal("KEY_READ_FAILED");
        expect(gets()).to.equal(round + 1);
        await b.clock.advance(delay - 1);
        for (let i = 0; i < 100; i++) expect(await codeOf(use(b.service))).to.equal("KEY_READ_FAILED");
        expect(gets()).to.equal(round + 1);
        await b.clock.advance(1);
      }
      // A success ends it: the next failure starts at 50 ms again.
      recover(b);
      await use(b.service);
      b.service.forget(alpha);
      outage(b, ["get"]);
      expect(await codeOf(use(b.service))).to.equal("KEY_READ_FAILED");
      await b.clock.advance(50);
      recover(b);
      await use(b.service);
    });

    it("asks again at once for a key that does not exist", async () => {
      const b = bench();
      for (let i = 1; i <= 5; i++) {
        expect(await codeOf(use(b.service))).to.equal("KEY_NOT_FOUND");
        expect(b.keystore.calls.get).to.equal(i);
      }
    });

    it("backs off for the key that failed and for no other", async () => {
      const b = bench({ script: [{ method: "get", name: "alpha", fault: { kind: "lie" } }] });
      await plant(b);
      await plant(b, named("beta"));
      expect(await codeOf(use(b.service))).to.equal("KEY_READ_FAILED");
      await use(b.service, named("beta"));
    });

    it("asks again at once after the key was created or deleted", async () => {
      const b = bench();
      const beta = named("beta");
      for (const name of [alpha, beta]) {
        b.keystore.script = [
          {
            method: "get",
            call: b.keystore.calls.get + 1,
            fault: { kind: "fail", code: "KEYSTORE_UNAVAILABLE" },
          },
        ];
        expect(await codeOf(use(b.service, name))).to.equal("KEY_READ_FAILED");
        if (name === alpha) await b.service.create(name, { createdBy: "" });
        else expect(await codeOf(b.service.delete(name))).to.equal("KEY_NOT_FOUND");
        expect(await codeOf(use(b.service, name))).to.equal(name === alpha ? "fulfilled" : "KEY_NOT_FOUND");
      }
    });
  });

  describe("wiping", () => {
    it("keeps a dropped key usable for whoever still holds it, then wipes it", async () => {
      const make = () =>
        KeyVersion.create({ algorithm: "AES256", createdBy: "", nowMs: 0, random: secureRandom });
      const clock = new FakeClock();
      const retired = new RetiredKeys(2, clock);
      const [a, c, d] = [make(), make(), make()];
      retired.add(a);
      retired.sweep();
      expect(a.destroyed).to.equal(false);
      retired.add(c);
      retired.sweep();
      expect([a.destroyed, c.destroyed]).to.deep.equal([true, false]);
      retired.add(d);
      const e = make();
      retired.add(e);
      expect(c.destroyed).to.equal(false);
      await clock.advance(0);
      expect([c, d, e].map((key) => key.destroyed)).to.deep.equal([true, false, false]);
      retired.close();
      expect([d, e].map((key) => key.destroyed)).to.deep.equal([true, true]);
      expect(clock.waiting).to.equal(0);
    });

    it("lets 50 requests use 50 keys although memory holds one of them and none that was dropped", async () => {
      const b = bench({ limits: { maxRetired: 0, maxEntries: 1 } });
      const names = Array.from({ length: 50 }, (_, i) => named(`k${i}`));
      const keys = await Promise.all(names.map((name) => plant(b, name)));
      const deks = await Promise.all(names.map((name) => use(b.service, name)));
      deks.forEach((dek, i) => {
        expect(keys[i]?.open(dek.ciphertext, none).equals(dek.plaintext)).to.equal(true);
      });
    });

    it("wipes all keys on close and serves none", async () => {
      const b = bench();
      await plant(b);
      await use(b.service);
      await b.service.close();
      expect(b.service.stats().entries).to.equal(0);
      expect(await codeOf(use(b.service))).to.equal("KEY_READ_FAILED");
      expect(b.clock.waiting).to.equal(0);
    });
  });
});
