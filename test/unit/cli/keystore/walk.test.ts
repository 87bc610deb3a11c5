import { expect } from "chai";
import fc from "fast-check";
import { openMemoryKeystore } from "../../../../keystores/memory/index.js";
import { globOf } from "../../../../src/cli/keystore/glob-argument.js";
import { Patience } from "../../../../src/cli/keystore/patience.js";
import { mapOrdered } from "../../../../src/cli/keystore/pipeline.js";
import { joinNames, NameWalk } from "../../../../src/cli/keystore/walk.js";
import { KesError, UsageError } from "../../../../src/errors.js";
import type { Keystore } from "../../../../src/keystore/contract.js";
import { errorOf, named } from "../../../support/keystore.js";
import { QuickTicker } from "../../../support/quick-ticker.js";

const patience = (): Patience => new Patience(new QuickTicker(), new AbortController().signal);
const nameOf = fc.stringMatching(/^[0-9A-Za-z_]{1,6}$/).filter((name) => name !== "_");
const setOf = fc.uniqueArray(nameOf, { maxLength: 40 });

async function holding(names: readonly string[]): Promise<Keystore> {
  const keystore = openMemoryKeystore();
  for (const name of names) await keystore.create(named(name), Buffer.from("v"));
  return keystore;
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

describe("cli/keystore/walk", () => {
  it("gives every name once and in order, whatever the pages", () =>
    fc.assert(
      fc.asyncProperty(setOf, fc.integer({ min: 1, max: 9 }), async (names, page) => {
        const walk = new NameWalk(await holding(names), globOf(), patience(), page);
        expect(walk.total).to.equal(undefined);
        expect(await all(walk)).to.deep.equal([...names].sort());
        expect(walk.total).to.equal(names.length);
      }),
    ));

  it("knows shell globs", async () => {
    const keystore = await holding(["my-1", "my-2", "my-22", "other", "my_1"]);
    const table: readonly (readonly [string | undefined, string[]])[] = [
      [undefined, ["my-1", "my-2", "my-22", "my_1", "other"]],
      ["*", ["my-1", "my-2", "my-22", "my_1", "other"]],
      ["my-*", ["my-1", "my-2", "my-22"]],
      ["my-?", ["my-1", "my-2"]],
      ["my?[12]", ["my-1", "my-2", "my_1"]],
      ["*2", ["my-2", "my-22"]],
      ["other", ["other"]],
      ["othe", []],
      ["\\other", ["other"]],
    ];
    for (const [pattern, expected] of table) {
      expect(await all(new NameWalk(keystore, globOf(pattern), patience())), pattern).to.deep.equal(expected);
    }
    for (const pattern of ["[", "a\\", "x".repeat(2000)]) expect(() => globOf(pattern)).to.throw(UsageError);
  });

  it("does not go round for ever with a keystore that does", async () => {
    const keystore = await holding(["a", "b"]);
    keystore.list = async () => ({ names: [named("a")], more: true });
    const error = await errorOf(all(new NameWalk(keystore, globOf(), patience())));
    expect(String(error)).to.match(/does not advance/);
  });

  it("says whose keys cannot be listed, and why", async () => {
    const keystore = await holding([]);
    keystore.list = async () => {
      throw new KesError("KEYSTORE_UNAVAILABLE", [], { cause: new Error("403: permission denied") });
    };
    const error = await errorOf(all(new NameWalk(keystore, globOf(), patience())));
    expect(String(error)).to.include("cannot list the keys of In Memory: 403: permission denied");
  });

  it("joins two listings", () =>
    fc.assert(
      fc.asyncProperty(setOf, setOf, async (first, second) => {
        const extra: string[] = [];
        const streams = [first, second].map(
          async (names) => new NameWalk(await holding(names), globOf(), patience(), 3),
        );
        const [one, two] = await Promise.all(streams);
        if (one === undefined || two === undefined) throw new Error("no streams");
        const joined = await all(joinNames(one, two, (name) => void extra.push(name)));
        const expected = [...first].sort().map((name) => ({ name, isInBoth: second.includes(name) }));
        expect(joined).to.deep.equal(expected);
        expect(extra).to.deep.equal([...second].sort().filter((name) => !first.includes(name)));
      }),
    ));
});

describe("cli/keystore/pipeline", () => {
  async function* numbers(count: number): AsyncGenerator<number> {
    for (let i = 0; i < count; i++) yield i;
  }

  it("keeps the order and the width", async () => {
    let running = 0;
    let most = 0;
    const results = mapOrdered(numbers(50), 7, async (i) => {
      most = Math.max(most, ++running);
      for (let turn = 0; turn <= (i * 13) % 5; turn++) await new Promise(setImmediate);
      running--;
      return i;
    });
    expect(await all(results)).to.deep.equal(Array.from({ length: 50 }, (_, i) => i));
    expect(most).to.equal(7);
  });

  it("has nothing under way when it has failed", async () => {
    let running = 0;
    const results = mapOrdered(numbers(50), 7, async (i) => {
      running++;
      try {
        if (i === 3) throw new Error("three");
        for (let turn = 0; turn < 20; turn++) await Promise.resolve();
      } finally {
        running--;
      }
    });
    expect(String(await errorOf(all(results)))).to.equal("Error: three");
    expect(running).to.equal(0);
  });
});
