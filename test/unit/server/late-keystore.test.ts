import { expect } from "chai";
import { MemoryKeystore } from "../../../keystores/memory/store.js";
import { isKesError, KesError } from "../../../src/errors.js";
import type { Keystore } from "../../../src/keystore/contract.js";
import { LateKeystore } from "../../../src/server/late-keystore.js";
import { named } from "../../support/keystore.js";

const code = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "done",
    (error: unknown) => (isKesError(error) ? error.code : String(error)),
  );

describe("a keystore that is opened late", () => {
  function made(outcomes: readonly (Keystore | Error)[]) {
    const state = { nowMs: 0, opened: 0, failures: [] as unknown[] };
    const late = new LateKeystore({
      async open() {
        const outcome = outcomes[state.opened++];
        if (outcome === undefined || outcome instanceof Error) throw outcome ?? new Error("none left");
        return outcome;
      },
      description: "later",
      nowMs: () => state.nowMs,
      failed: (error) => state.failures.push(error),
    });
    return { late, state };
  }

  it("is an outage until it is there, and is asked for at most once a second", async () => {
    const { late, state } = made([
      new KesError("KEYSTORE_UNAVAILABLE"),
      new Error("no route"),
      new MemoryKeystore(),
    ]);
    const calls = [late.get(named("a")), late.status(), late.list({ prefix: "", limit: 1 })];
    expect(await Promise.all(calls.map(code))).to.deep.equal(Array(3).fill("KEYSTORE_UNREACHABLE"));
    expect(await code(late.delete(named("a")))).to.equal("KEYSTORE_UNREACHABLE");
    expect([state.opened, state.failures.length]).to.deep.equal([1, 1]);
    state.nowMs = 1_000;
    expect(await code(late.create(named("a"), Buffer.of(1)))).to.equal("KEYSTORE_UNREACHABLE");
    state.nowMs = 2_000;
    expect(late.description).to.equal("later");
    expect(await code(late.create(named("a"), Buffer.of(1)))).to.equal("done");
    expect(await code(late.get(named("b")))).to.equal("KEY_NOT_FOUND");
    expect(late.description).to.equal(new MemoryKeystore().description);
    expect(late.abilities.atomicCreate).to.equal(true);
    expect(state.opened).to.equal(3);
  });

  it("is closed for good, also while it is being opened", async () => {
    const store = new MemoryKeystore();
    const { late } = made([store]);
    const status = code(late.status());
    await late.close();
    expect(await status).to.equal("KEYSTORE_UNREACHABLE");
    expect(await code(late.status())).to.equal("KEYSTORE_UNAVAILABLE");
    expect(await code(store.status())).to.equal("KEYSTORE_UNAVAILABLE");
  });
});
