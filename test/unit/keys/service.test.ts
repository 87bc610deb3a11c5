import { expect } from "chai";
import { secureRandom } from "../../../src/crypto/random.js";
import { KesError } from "../../../src/errors.js";
import { systemClock } from "../../../src/keys/clock.js";
import { KeyService } from "../../../src/keys/service.js";
import { codeOf, errorOf, named } from "../../support/keystore.js";
import { abortableCall, alpha, bench, context, hang, none, outage, plant, quiet } from "./support.js";

const code = (run: () => unknown, expected: string) =>
  expect(run).to.throw(KesError).with.property("code", expected);

describe("key service", () => {
  it("generates DEKs that decrypt with the same context and no other", async () => {
    const { service } = bench();
    await service.create(alpha, { createdBy: "" });
    const dek = await service.generate(alpha, context);
    expect(dek.plaintext).to.have.length(32);
    expect(dek.ciphertext).to.have.length(76);
    expect(await service.decrypt(alpha, dek.ciphertext, context)).to.deep.equal(dek.plaintext);
    code(() => service.decrypt(alpha, dek.ciphertext, none), "DECRYPT_FAILED");
    const other = await service.generate(alpha, context);
    expect(other.plaintext.equals(dek.plaintext)).to.equal(false);
    expect(other.ciphertext.equals(dek.ciphertext)).to.equal(false);
  });

  it("does the same on a miss as on a hit", async () => {
    const b = bench();
    const key = await plant(b);
    const sealed = key.seal(Buffer.from("text"), context, secureRandom);
    const cold = async <T>(call: () => T | Promise<T>): Promise<T> => {
      b.service.forget(alpha);
      return call();
    };
    expect((await cold(() => b.service.decrypt(alpha, sealed, context))).toString()).to.equal("text");
    expect(await cold(() => b.service.hmac(alpha, context))).to.deep.equal(key.hmac(context));
    const encrypted = await cold(() => b.service.encrypt(alpha, none, context));
    expect(key.open(encrypted, context)).to.deep.equal(none);
    const dek = await cold(() => b.service.generate(alpha, context));
    expect(key.open(dek.ciphertext, context)).to.deep.equal(dek.plaintext);
    expect(await cold(() => b.service.describe(alpha))).to.include({ name: alpha, createdBy: "" });
    expect(await codeOf(Promise.resolve(cold(() => b.service.decrypt(alpha, sealed, none))))).to.equal(
      "DECRYPT_FAILED",
    );
    expect(b.keystore.calls.get).to.equal(6);
  });

  it("refuses HMACs of keys in the older form", async () => {
    const b = bench();
    await b.inner.create(alpha, Buffer.from(`{"bytes":"${secureRandom(32).toString("base64")}"}`));
    expect(await codeOf(Promise.resolve(b.service.hmac(alpha, none)))).to.equal("HMAC_UNSUPPORTED");
    const dek = await b.service.generate(alpha, none);
    expect(await b.service.decrypt(alpha, dek.ciphertext, none)).to.deep.equal(dek.plaintext);
  });

  it("never gives out a DEK of fewer random bytes", async () => {
    const b = bench();
    await plant(b);
    const { clock, keystore, log } = b;
    const cache = { anyMs: 1000, unusedMs: 1000, offlineMs: 0 };
    const service = new KeyService({ clock, keystore, log, cache, random: () => Buffer.alloc(3) });
    expect(await codeOf(Promise.resolve(service.generate(alpha, none)))).to.equal("INTERNAL");
  });

  describe("list", () => {
    it("gives pages", async () => {
      const b = bench();
      for (const name of ["a1", "a2", "b1"]) await plant(b, named(name));
      const page = await b.service.list({ prefix: "a", limit: 1 });
      expect(page).to.deep.equal({ names: ["a1"], more: true });
      expect(await b.service.list({ prefix: "a", after: "a1", limit: 1 })).to.deep.equal({
        names: ["a2"],
        more: false,
      });
    });

    it("answers outages and time-outs", async () => {
      const b = bench();
      outage(b);
      const error = await errorOf(b.service.list({ prefix: "", limit: 1 }));
      expect(error).to.have.property("code", "KEY_LIST_FAILED");
      expect(error).to.have.nested.property("cause.code", "KEYSTORE_UNREACHABLE");
      hang(b);
      const slow = codeOf(b.service.list({ prefix: "", limit: 1 }));
      await b.clock.advance(10_000);
      expect(await slow).to.equal("KEYSTORE_TIMEOUT");
      const { call, abort } = abortableCall();
      const left = codeOf(b.service.list({ prefix: "", limit: 1 }, call));
      await quiet();
      abort();
      expect(await left).to.equal("KEYSTORE_TIMEOUT");
      await quiet();
      expect(b.keystore.hanging).to.equal(1); // the probe
    });
  });

  it("closes once changes under way have ended, and leaves no timer", async () => {
    const b = bench({ script: [{ method: "create", fault: { kind: "hang" } }] });
    const end = codeOf(b.service.create(alpha, { createdBy: "" }));
    await quiet();
    const closed = b.service.close();
    b.keystore.script = [];
    b.keystore.release();
    expect(await end).to.equal("fulfilled");
    await closed;
    expect(b.clock.waiting).to.equal(0);
    expect(await codeOf(Promise.resolve(b.service.generate(alpha, none)))).to.equal("KEY_READ_FAILED");
  });

  it("the machine's clock runs tasks once, unless cancelled, and never backwards", async () => {
    const before = systemClock.now();
    let cancelled = 0;
    systemClock.after(1, () => cancelled++)();
    await new Promise<void>((resolve) => {
      const keepAlive = setInterval(() => {}, 1000);
      systemClock.after(5, () => {
        clearInterval(keepAlive);
        resolve();
      });
    });
    expect(cancelled).to.equal(0);
    expect(systemClock.now()).to.be.greaterThan(before);
    expect(Math.abs(systemClock.wallNow() - Date.now())).to.be.lessThan(1000);
  });
});
