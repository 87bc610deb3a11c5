import { expect } from "chai";
import type { KeyService } from "../../../src/keys/service.js";
import { codeOf, named } from "../../support/keystore.js";
import { alpha, type Bench, bench, hang, isPlain, none, outage, plant, quiet, recover } from "./support.js";

const use = async (service: KeyService, name = alpha) => service.generate(name, none);
const times = { anyMs: 60_000, unusedMs: 30_000, offlineMs: 300_000 };
const plain = ({ service }: Bench, name = alpha) => isPlain(service.hmac(name, none));

/** A bench with alpha in memory. */
async function warm(options: Parameters<typeof bench>[0] = { times }): Promise<Bench> {
  const b = bench(options);
  await plant(b);
  await use(b.service);
  return b;
}

/** Uses alpha every second, at once or not at all. @returns how often it was served */
async function useEverySecond(b: Bench, seconds: number): Promise<number> {
  let served = 0;
  for (let second = 0; second < seconds; second++) {
    await b.clock.advance(1000);
    if (b.service.stats().entries === 0) return served;
    if (!plain(b)) return served;
    served += 1;
  }
  return served;
}

describe("offline window", () => {
  it("serves a busy key at once during an outage shorter than the window, and refreshes it after", async () => {
    const b = await warm();
    outage(b);
    expect(await useEverySecond(b, 240)).to.equal(240);
    const fetched = b.service.stats().fetches;
    recover(b);
    expect(await useEverySecond(b, 30)).to.equal(30);
    expect(b.service.stats().fetches).to.be.greaterThan(fetched);
    expect(b.service.stats().offlineSinceMs).to.equal(undefined);
    // The next outage has its whole window again.
    outage(b);
    expect(await useEverySecond(b, 290)).to.equal(290);
  });

  it("serves it for the whole window from the start of the outage, not a random part of it, and no longer", async () => {
    const b = await warm();
    outage(b);
    // The outage is noticed by the probe, at most 10 s after it began.
    const served = await useEverySecond(b, 400);
    expect(served).to.be.within(300, 311);
    expect(await codeOf(use(b.service))).to.equal("KEY_READ_FAILED");
  });

  it("serves an idle key that `unused` would have dropped", async () => {
    const b = await warm();
    outage(b);
    await b.clock.advance(250_000);
    expect(plain(b)).to.equal(true);
    await b.clock.advance(80_000);
    expect(b.service.stats().entries).to.equal(0);
  });

  it("serves a key whose idle time ended between the start of the outage and its being noticed", async () => {
    const b = await warm();
    await b.clock.advance(29_999);
    hang(b);
    // The probe of the 30th second hangs; the key is over before anybody knows of the outage.
    await b.clock.advance(4000);
    expect(b.service.stats().offlineSinceMs).to.equal(undefined);
    const end = use(b.service);
    await b.clock.advance(500);
    expect((await end).plaintext).to.have.length(32);
  });

  it("waits for a keystore that hangs 500 ms once, then serves at once while the fetch goes on", async () => {
    const b = await warm({ times: { ...times, unusedMs: 0 } });
    await b.clock.advance(60_000);
    hang(b);
    const waits = Array.from({ length: 100 }, () => use(b.service));
    let ended = 0;
    for (const wait of waits) void wait.then(() => ended++);
    await b.clock.advance(499);
    expect(ended).to.equal(0);
    const late = use(b.service);
    await b.clock.advance(1);
    expect(ended).to.equal(100);
    await late;
    for (let i = 0; i < 10; i++) expect(plain(b)).to.equal(true);
    expect(b.keystore.calls.get).to.equal(2);
    recover(b);
    await quiet();
    expect(b.service.stats().fetches).to.equal(2);
    await b.clock.advance(30_000);
    expect(plain(b)).to.equal(true);
  });

  it("gives the fresh key when the keystore answers within the grace", async () => {
    const b = await warm({ times: { ...times, unusedMs: 0 } });
    await b.clock.advance(60_000);
    hang(b);
    const end = use(b.service);
    await b.clock.advance(400);
    recover(b);
    await end;
    await b.clock.advance(1000);
    expect(plain(b)).to.equal(true);
    expect(b.service.stats()).to.include({ fetches: 2, misses: 2 });
  });

  it("drops a key at once when the keystore says that it does not exist", async () => {
    const b = await warm({ times: { ...times, unusedMs: 0 } });
    await b.clock.advance(60_000);
    await b.inner.delete(alpha);
    expect(await codeOf(use(b.service))).to.equal("KEY_NOT_FOUND");
    expect(b.service.stats().entries).to.equal(0);
  });

  it("drops a deleted key once the keystore is back, though within the window", async () => {
    const b = await warm();
    outage(b);
    expect(await useEverySecond(b, 100)).to.equal(100);
    await b.inner.delete(alpha);
    recover(b);
    await b.clock.advance(3000);
    plain(b);
    await quiet();
    expect(b.service.stats().entries).to.equal(0);
  });

  it("asks the keystore for an expired key while there is no outage", async () => {
    const b = await warm({ times: { ...times, unusedMs: 0 } });
    await b.clock.advance(60_000);
    expect(plain(b)).to.equal(false);
    await quiet();
    expect(b.service.stats().fetches).to.equal(2);
  });

  it("counts from the failure of this key when only this key fails, and keeps to the bound", async () => {
    const b = await warm();
    const beta = named("beta");
    await plant(b, beta);
    b.keystore.script = [
      { method: "get", name: "alpha", fault: { kind: "fail", code: "KEYSTORE_UNAVAILABLE" } },
    ];
    let served = 0;
    for (let second = 0; second < 500; second++) {
      await b.clock.advance(1000);
      b.service.forget(beta);
      await use(b.service, beta);
      const end = await Promise.race([codeOf(use(b.service)), b.clock.advance(0).then(() => "waits")]);
      if (end !== "fulfilled") break;
      served += 1;
    }
    // Fetching ahead fails first at 54 s; the window begins there.
    expect(served).to.be.within(353, 356);
    expect(await codeOf(use(b.service))).to.equal("KEY_READ_FAILED");
  });

  it("treats a stored value that became garbage as a failure of this key, not as its absence", async () => {
    const b = await warm();
    b.keystore.script = [{ method: "get", fault: { kind: "lie" } }];
    expect(await useEverySecond(b, 200)).to.equal(200);
    expect(b.log.errors.length).to.be.greaterThan(0);
    expect(b.service.stats().offlineSinceMs).to.equal(undefined);
  });

  it("gives an idle key that failed in one outage the whole window of the next", async () => {
    const b = await warm({ times: { ...times, unusedMs: 0 } });
    outage(b);
    expect(await useEverySecond(b, 100)).to.equal(100);
    recover(b);
    await b.clock.advance(60_000);
    outage(b);
    // 370 s after the first outage began, 210 s after the second did.
    await b.clock.advance(210_000);
    expect(plain(b)).to.equal(true);
  });

  it("does not storm the keystore: a stale busy key costs one fetch for each back-off", async () => {
    const b = await warm();
    outage(b);
    await useEverySecond(b, 100);
    const before = b.keystore.calls.get;
    for (let i = 0; i < 1000; i++) expect(plain(b)).to.equal(true);
    await quiet();
    expect(b.keystore.calls.get - before).to.be.lessThan(2);
  });

  it("serves until the window is over when the fetch queue is full", async () => {
    const b = await warm({
      times: { ...times, unusedMs: 0 },
      limits: { maxFetches: 1, maxWaitingFetches: 0 },
    });
    await b.clock.advance(60_000);
    hang(b);
    const other = codeOf(use(b.service, named("other")));
    await use(b.service);
    recover(b);
    expect(await other).to.equal("KEY_NOT_FOUND");
  });

  it("without a window an expired key needs the keystore", async () => {
    const b = await warm({ times: { ...times, offlineMs: 0 } });
    outage(b);
    await b.clock.advance(31_000);
    expect(await codeOf(use(b.service))).to.equal("KEY_READ_FAILED");
  });

  it("a key younger than its ages is served however long the outage", async () => {
    const b = await warm({ times: { anyMs: 600_000, unusedMs: 0, offlineMs: 1000 } });
    outage(b);
    await b.clock.advance(500_000);
    expect(plain(b)).to.equal(true);
  });

  it("answers what the keystore gives once the window is over: a hang is a time-out", async () => {
    const b = await warm();
    outage(b);
    await b.clock.advance(400_000);
    hang(b);
    const end = codeOf(use(b.service));
    await b.clock.advance(10_000);
    expect(await end).to.equal("KEYSTORE_TIMEOUT");
  });
});

describe("keystore health", () => {
  it("notices an outage and its end by the probe alone, and says each once", async () => {
    const b = bench();
    outage(b);
    await b.clock.advance(60_000);
    expect(b.service.stats().offlineSinceMs).to.be.a("number");
    expect(b.log.errors).to.deep.equal(["key store does not answer"]);
    recover(b);
    await b.clock.advance(10_000);
    expect(b.service.stats().offlineSinceMs).to.equal(undefined);
    expect(b.log.warnings).to.have.length(1);
  });

  it("counts an outage from the last success, when a call failed that began before it", async () => {
    const b = bench();
    const beta = named("beta");
    await plant(b, beta);
    b.keystore.script = [{ method: "get", name: "alpha", fault: { kind: "hang" } }];
    const slow = codeOf(use(b.service));
    await b.clock.advance(6000);
    await use(b.service, beta);
    const succeededMs = b.clock.now();
    await b.clock.advance(3999);
    expect(b.service.stats().offlineSinceMs).to.equal(undefined);
    outage(b, ["status"]);
    await b.clock.advance(1);
    expect(await slow).to.equal("KEYSTORE_TIMEOUT");
    expect(b.service.stats().offlineSinceMs).to.equal(succeededMs);
  });

  it("notices the end by any success", async () => {
    const b = bench();
    await plant(b);
    outage(b);
    await b.clock.advance(10_000);
    recover(b);
    await use(b.service);
    expect(b.service.stats().offlineSinceMs).to.equal(undefined);
  });

  it("gives the time of a round trip, or why there was none", async () => {
    const b = bench();
    expect(await b.service.status()).to.deep.equal({ ok: true, latencyMs: 0 });
    await b.service.ready();
    for (const [code, answer] of [
      ["KEYSTORE_UNREACHABLE", "KEYSTORE_UNREACHABLE"],
      ["KEYSTORE_UNAVAILABLE", "KEYSTORE_UNAVAILABLE"],
      ["KEYSTORE_BUSY", "KEYSTORE_UNAVAILABLE"],
    ] as const) {
      b.keystore.script = [{ method: "status", fault: { kind: "fail", code } }];
      expect(await codeOf(b.service.ready())).to.equal(answer);
      expect(await b.service.status()).to.have.property("ok", false);
    }
    recover(b);
    await b.service.ready();
  });

  it("takes a hanging keystore for unreachable after 5 s, then says so within 500 ms", async () => {
    const b = bench();
    hang(b);
    const first = codeOf(b.service.ready());
    await b.clock.advance(5000);
    expect(await first).to.equal("KEYSTORE_UNREACHABLE");
    const second = codeOf(b.service.ready());
    await b.clock.advance(500);
    expect(await second).to.equal("KEYSTORE_UNREACHABLE");
  });

  it("asks once for all who ask at the same time", async () => {
    const b = bench();
    await Promise.all(Array.from({ length: 100 }, () => b.service.status()));
    expect(b.keystore.calls.status).to.equal(1);
  });
});
