import { readdirSync } from "node:fs";
import { expect } from "chai";
import { openMemoryKeystore } from "../../../../keystores/memory/index.js";
import { CommandError } from "../../../../src/cli/command.js";
import { OldValues, oldValuesName } from "../../../../src/cli/keystore/old-values.js";
import { Patience } from "../../../../src/cli/keystore/patience.js";
import { Target } from "../../../../src/cli/keystore/target.js";
import { secureRandom } from "../../../../src/crypto/random.js";
import { KesError } from "../../../../src/errors.js";
import type { Keystore } from "../../../../src/keystore/contract.js";
import { errorOf, named, scratchFolders } from "../../../support/keystore.js";
import { keyValue } from "../../../support/keystore-site.js";
import { QuickTicker } from "../../../support/quick-ticker.js";

/** A keystore without `replace`, in which the name of a deleted key may stay taken. */
function withoutReplace(memory: Keystore, keepsNames: boolean): Keystore {
  const taken = new Set<string>();
  return {
    description: "Test",
    abilities: { ...memory.abilities, replace: false },
    status: () => memory.status(),
    get: (name) => memory.get(name),
    list: (options) => memory.list(options),
    replace: () => Promise.reject(new Error("not there")),
    close: () => memory.close(),
    async create(name, value) {
      const cause = new Error("the secret waits for its deletion");
      if (taken.has(name)) throw new KesError("KEYSTORE_UNAVAILABLE", [], { cause });
      await memory.create(name, value);
    },
    async delete(name) {
      await memory.delete(name);
      if (keepsNames) taken.add(name);
    },
  };
}

describe("cli/keystore/old-values", () => {
  const scratch = scratchFolders();

  function keeper(keystore: Keystore): { readonly old: OldValues; readonly cwd: string } {
    const cwd = scratch();
    const signal = new AbortController().signal;
    const target = new Target(keystore, new Patience(new QuickTicker(), signal));
    const base = "old";
    const old = new OldValues({ target, cwd, base, lock: undefined, random: secureRandom, nowMs: 0, signal });
    return { old, cwd };
  }

  it("tells the values that were kept from any others", async () => {
    const memory = openMemoryKeystore();
    const values = [keyValue(), keyValue()];
    for (const [i, value] of values.entries()) await memory.create(named(`k${i}`), value);
    const { old, cwd } = keeper(memory);
    const isOld = await old.keep([named("k0"), named("k1"), named("missing")]);
    expect(isOld(named("k0"), values[0] ?? keyValue())).to.equal(true);
    expect(isOld(named("k0"), values[1] ?? keyValue())).to.equal(false);
    expect(isOld(named("missing"), keyValue())).to.equal(false);
    expect(readdirSync(cwd).sort()).to.deep.equal(["old.kesbundle", "old.key"]);
  });

  it("numbers further bundles, under one key", async () => {
    const memory = openMemoryKeystore();
    await memory.create(named("k"), keyValue());
    const { old, cwd } = keeper(memory);
    await old.keep([named("k")]);
    await old.keep([named("k")]);
    expect(old.files).to.deep.equal(["old.kesbundle", "old-2.kesbundle"]);
    expect(old.keyFile).to.equal("old.key");
    expect(readdirSync(cwd)).to.have.length(3);
  });

  it("replaces no file", async () => {
    const memory = openMemoryKeystore();
    await memory.create(named("k"), keyValue());
    const { old, cwd } = keeper(memory);
    await old.keep([named("k")]);
    const signal = new AbortController().signal;
    const target = new Target(memory, new Patience(new QuickTicker(), signal));
    const options = { target, cwd, base: "old", lock: undefined, random: secureRandom, nowMs: 0, signal };
    expect(await errorOf(new OldValues(options).keep([named("k")]))).to.be.instanceOf(CommandError);
  });

  it("refuses a keystore in which the name of a deleted key stays taken, before any harm", async () => {
    const memory = openMemoryKeystore();
    const value = keyValue();
    await memory.create(named("k"), value);
    const { old, cwd } = keeper(withoutReplace(memory, true));
    const error = await errorOf(old.keep([named("k")]));
    expect(String(error)).to.match(/does not give the name of a deleted key free/);
    expect(value.equals(await memory.get(named("k")))).to.equal(true);
    expect(readdirSync(cwd)).to.deep.equal([]);
    const { names } = await memory.list({ prefix: "", limit: 10 });
    expect(names).to.deep.equal(["k"]);
  });

  it("tries that once, and leaves nothing of it", async () => {
    const memory = openMemoryKeystore();
    await memory.create(named("k"), keyValue());
    const { old } = keeper(withoutReplace(memory, false));
    await old.keep([named("k")]);
    const { names } = await memory.list({ prefix: "", limit: 10 });
    expect(names).to.deep.equal(["k"]);
  });

  it("has names by time, or as given", () => {
    const now = new Date("2026-01-31T12:34:56.789Z");
    expect(oldValuesName(undefined, now)).to.equal("kes-replaced-20260131T123456Z");
    expect(oldValuesName("a/b.kesbundle", now)).to.equal("a/b");
    expect(oldValuesName("a/b", now)).to.equal("a/b");
  });
});
