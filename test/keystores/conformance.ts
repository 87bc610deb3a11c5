/** The keystore contract as tests, once for every adapter and decorator. */
import { expect } from "chai";
import { KesError } from "../../src/errors.js";
import { type Keystore, type ListOptions, MAX_VALUE_BYTES } from "../../src/keystore/contract.js";
import type { KeyName } from "../../src/names.js";
import { codeOf, named, OUTAGE } from "../support/keystore.js";

/** What a suite may add to the contract's minimum. */
export interface ConformanceOptions {
  /** Another handle on the data of `first`, as a second server would have it; races then go through both. */
  readonly second?: (first: Keystore) => Promise<Keystore>;
  /** Makes the keystore behind `store` fail; the function returned mends it. */
  readonly outage?: (store: Keystore) => Promise<() => Promise<void>>;
  /** A deleted key can be brought back for a while: till then its name is taken, and creating it is an outage. */
  readonly keepsDeletedNames?: boolean;
}

const VALUE = Buffer.from("first value");
const OTHER = Buffer.from("another value");
const THIRD = Buffer.from("a third value");

/**
 * Describes the contract for the keystore that `open` gives: a fresh and empty one each time. Whoever calls
 * this removes what `open` has made.
 */
export function keystoreConformance(
  name: string,
  open: () => Promise<Keystore>,
  options: ConformanceOptions = {},
): void {
  describe(`keystore contract: ${name}`, () => {
    let store: Keystore;
    let peer: Keystore;

    beforeEach(async () => {
      store = await open();
      peer = options.second ? await options.second(store) : store;
    });
    afterEach(async () => {
      await store.close();
      await peer.close();
    });

    describe("values", () => {
      const every = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
      const values: readonly (readonly [string, Uint8Array])[] = [
        ["1 byte", Buffer.of(0)],
        ["every byte value", every],
        ["a line end at the end", Buffer.from("text\r\n")],
        ["no valid UTF-8", Buffer.of(0xff, 0xfe, 0x80, 0xc0)],
        ["64 KiB", Buffer.alloc(MAX_VALUE_BYTES, every)],
      ];
      for (const [what, value] of values) {
        it(`gives back exactly ${what}`, async () => {
          await store.create(named("key"), value);
          expect(Buffer.from(await store.get(named("key"))).equals(value)).to.equal(true);
          expect(Buffer.from(await peer.get(named("key"))).equals(value)).to.equal(true);
        });
      }

      it("takes names of 1 and of 80 bytes, and names that differ in case only", async () => {
        const names = ["a", "A", "_a-_b", "x".repeat(80), "X".repeat(80)].map(named);
        for (const each of names) await store.create(each, Buffer.from(each));
        for (const each of names) expect(Buffer.from(await store.get(each)).toString()).to.equal(each);
      });

      it("keeps no hold of the caller's buffers", async () => {
        const given = Buffer.from(VALUE);
        const stored = store.create(named("key"), given);
        given.fill(0);
        await stored;
        const got = await store.get(named("key"));
        expect(Buffer.from(got).equals(VALUE)).to.equal(true);
        got.fill(0);
        expect(Buffer.from(await store.get(named("key"))).equals(VALUE)).to.equal(true);
      });

      it("refuses values of no byte and of more than 64 KiB, and stores nothing", async () => {
        for (const size of [0, MAX_VALUE_BYTES + 1])
          expect(await codeOf(store.create(named("key"), Buffer.alloc(size, 1)))).to.equal("INTERNAL");
        expect(await codeOf(store.get(named("key")))).to.equal("KEY_NOT_FOUND");
      });
    });

    describe("absence", () => {
      it("tells a missing key from everything else", async () => {
        expect(await codeOf(store.get(named("none")))).to.equal("KEY_NOT_FOUND");
        await store.create(named("none-2"), VALUE);
        expect(await codeOf(store.get(named("none")))).to.equal("KEY_NOT_FOUND");
      });

      it("deletes for good, and creates again with another value once the name is free", async () => {
        await store.create(named("key"), VALUE);
        await store.delete(named("key"));
        expect(await codeOf(store.get(named("key")))).to.equal("KEY_NOT_FOUND");
        expect(await codeOf(peer.get(named("key")))).to.equal("KEY_NOT_FOUND");
        const again = await codeOf(peer.create(named("key"), OTHER));
        if (options.keepsDeletedNames) {
          expect(again).to.equal("KEYSTORE_UNAVAILABLE");
          expect(await codeOf(store.get(named("key")))).to.equal("KEY_NOT_FOUND");
          return;
        }
        expect(again).to.equal("fulfilled");
        expect(Buffer.from(await store.get(named("key"))).equals(OTHER)).to.equal(true);
      });

      it("says what it has declared when a missing key is deleted", async () => {
        const expected = store.abilities.reportsMissingDelete ? "KEY_NOT_FOUND" : "fulfilled";
        expect(await codeOf(store.delete(named("none")))).to.equal(expected);
      });
    });

    describe("races", () => {
      it("refuses a second create and keeps the first value", async () => {
        await store.create(named("key"), VALUE);
        expect(await codeOf(store.create(named("key"), OTHER))).to.equal("KEY_EXISTS");
        expect(await codeOf(peer.create(named("key"), THIRD))).to.equal("KEY_EXISTS");
        expect(Buffer.from(await store.get(named("key"))).equals(VALUE)).to.equal(true);
      });

      for (const racers of [2, 50]) {
        it(`lets exactly one of ${racers} racing creates win`, async function () {
          if (!store.abilities.atomicCreate) this.skip();
          for (const round of [1, 2, 3]) {
            const key = named(`key-${round}`);
            const values = Array.from({ length: racers }, (_, racer) => Buffer.from(`value ${racer}`));
            const ends = await Promise.all(
              values.map((value, racer) => codeOf((racer % 2 ? peer : store).create(key, value))),
            );
            const winner = ends.indexOf("fulfilled");
            expect(ends.filter((end) => end === "fulfilled")).to.have.length(1);
            expect(ends.filter((end) => end === "KEY_EXISTS")).to.have.length(racers - 1);
            expect(Buffer.from(await store.get(key)).toString()).to.equal(`value ${winner}`);
          }
        });
      }

      it("lets exactly one of two racing deletes find the key", async function () {
        if (!store.abilities.reportsMissingDelete) this.skip();
        await store.create(named("key"), VALUE);
        const ends = await Promise.all([
          codeOf(store.delete(named("key"))),
          codeOf(peer.delete(named("key"))),
        ]);
        expect(ends.sort()).to.deep.equal(["KEY_NOT_FOUND", "fulfilled"]);
      });
    });

    describe("replace", () => {
      beforeEach(function () {
        if (!store.abilities.replace) this.skip();
      });

      it("replaces the expected value", async () => {
        await store.create(named("key"), VALUE);
        await store.replace(named("key"), VALUE, OTHER);
        expect(Buffer.from(await peer.get(named("key"))).equals(OTHER)).to.equal(true);
      });

      it("changes nothing when another value is stored", async () => {
        await store.create(named("key"), VALUE);
        const wrong = [OTHER, VALUE.subarray(1), Buffer.concat([VALUE, Buffer.of(0)])];
        for (const expected of wrong)
          expect(await codeOf(store.replace(named("key"), expected, OTHER))).to.equal("KEY_CHANGED");
        expect(Buffer.from(await store.get(named("key"))).equals(VALUE)).to.equal(true);
      });

      it("does not create what is missing", async () => {
        expect(await codeOf(store.replace(named("key"), VALUE, OTHER))).to.equal("KEY_NOT_FOUND");
        expect(await codeOf(store.get(named("key")))).to.equal("KEY_NOT_FOUND");
      });

      it("lets exactly one of 20 racing replaces of one value win", async () => {
        await store.create(named("key"), VALUE);
        const ends = await Promise.all(
          Array.from({ length: 20 }, (_, racer) =>
            codeOf((racer % 2 ? peer : store).replace(named("key"), VALUE, Buffer.from(`next ${racer}`))),
          ),
        );
        expect(ends.filter((end) => end === "fulfilled")).to.have.length(1);
        expect(ends.filter((end) => end === "KEY_CHANGED")).to.have.length(19);
        const stored = Buffer.from(await store.get(named("key"))).toString();
        expect(stored).to.equal(`next ${ends.indexOf("fulfilled")}`);
      });

      it("loses no step of two counters, and shows readers the old or the new value only", async () => {
        const count = named("count");
        const steps = 15;
        await store.create(count, Buffer.from("0"));
        let done = false;
        const seen: number[] = [];
        const reader = (async () => {
          while (!done) seen.push(Number(Buffer.from(await peer.get(count)).toString()));
        })();
        const step = async (via: Keystore): Promise<void> => {
          for (;;) {
            const before = Buffer.from(await via.get(count));
            const end = await codeOf(
              via.replace(count, before, Buffer.from(String(Number(before.toString()) + 1))),
            );
            if (end === "fulfilled") return;
            expect(end).to.equal("KEY_CHANGED");
          }
        };
        const counter = async (via: Keystore): Promise<void> => {
          for (let i = 0; i < steps; i++) await step(via);
        };
        await Promise.all([counter(store), counter(peer)]);
        done = true;
        await reader;
        expect(Buffer.from(await store.get(count)).toString()).to.equal(String(2 * steps));
        expect(seen).to.deep.equal([...seen].sort((a, b) => a - b));
      });

      it("does not bring back a key that is deleted meanwhile", async () => {
        for (let round = 0; round < 10; round++) {
          const key = named(`key-${round}`);
          await store.create(key, VALUE);
          const [replaced, deleted] = await Promise.all([
            codeOf(store.replace(key, VALUE, OTHER)),
            codeOf(peer.delete(key)),
          ]);
          expect(deleted).to.equal("fulfilled");
          expect(replaced).to.be.oneOf(["fulfilled", "KEY_NOT_FOUND"]);
          expect(await codeOf(store.get(key))).to.equal("KEY_NOT_FOUND");
        }
      });
    });

    describe("list", () => {
      const all = ["0", "9-a", "A", "B-1", "Z", "_a", "__", "a", "a-1", "a-2", "a_1", "aB", "ab", "b", "zz"]
        .map(named)
        .sort();

      async function fill(): Promise<void> {
        // In an order that is not that of the answer.
        for (const each of [...all].reverse()) await store.create(each, VALUE);
      }

      async function pages(query: ListOptions): Promise<KeyName[][]> {
        const got: KeyName[][] = [];
        for (let after = query.after; ; ) {
          const page = await store.list(after === undefined ? query : { ...query, after });
          got.push([...page.names]);
          if (!page.more) return got;
          expect(page.names).to.have.length(query.limit);
          after = page.names.at(-1);
        }
      }

      it("gives an empty page of an empty keystore", async () => {
        expect(await store.list({ prefix: "", limit: 10 })).to.deep.equal({ names: [], more: false });
      });

      it("pages through all in byte order without loss or repetition, at each boundary", async () => {
        await fill();
        for (const limit of [1, 2, all.length - 1, all.length, all.length + 1, 1000]) {
          const got = await pages({ prefix: "", limit });
          expect(got.flat(), `limit ${limit}`).to.deep.equal(all);
          expect(got, `limit ${limit}`).to.have.length(Math.ceil(all.length / limit));
        }
      });

      it("keeps to a prefix, at each boundary", async () => {
        await fill();
        for (const prefix of ["a", "a-", "A", "_", "zz", "zzz", "9-a"]) {
          const expected = all.filter((each) => each.startsWith(prefix));
          for (const limit of [1, Math.max(1, expected.length - 1), Math.max(1, expected.length), 1000])
            expect((await pages({ prefix, limit })).flat(), `${prefix} ${limit}`).to.deep.equal(expected);
        }
      });

      it("goes on after a name that does not exist (any more)", async () => {
        await fill();
        const [first, second] = (await store.list({ prefix: "", limit: 2 })).names;
        if (first === undefined || second === undefined) throw new Error("two names were expected");
        await store.delete(second);
        const rest = await pages({ prefix: "", limit: 3, after: second });
        expect(rest.flat()).to.deep.equal(all.slice(2));
        expect(await store.list({ prefix: "", limit: 3, after: "zzz" })).to.deep.equal({
          names: [],
          more: false,
        });
        expect((await store.list({ prefix: "a", limit: 1, after: "A" })).names).to.deep.equal(["a"]);
      });

      it("loses no key while others come and go", async () => {
        await fill();
        const churn = (async () => {
          for (let i = 0; i < 15; i++) {
            await peer.create(named(`m-${i}`), VALUE);
            if (i % 2) await peer.delete(named(`m-${i}`));
          }
        })();
        const got = (await pages({ prefix: "", limit: 2 })).flat();
        await churn;
        expect(got.filter((each) => !each.startsWith("m-"))).to.deep.equal(all);
        expect(new Set(got).size).to.equal(got.length);
      });
    });

    describe("cancellation", () => {
      const reason = new Error("the caller went away");
      const calls: Record<string, (signal: AbortSignal) => Promise<unknown>> = {
        status: (signal) => store.status(signal),
        get: (signal) => store.get(named("key"), signal),
        list: (signal) => store.list({ prefix: "", limit: 10 }, signal),
        create: (signal) => store.create(named("new"), OTHER, signal),
        replace: (signal) => store.replace(named("key"), VALUE, OTHER, signal),
        delete: (signal) => store.delete(named("key"), signal),
      };

      it("does nothing for a signal that was aborted before", async () => {
        await store.create(named("key"), VALUE);
        for (const [method, call] of Object.entries(calls)) {
          if (method === "replace" && !store.abilities.replace) continue;
          expect(await codeOf(call(AbortSignal.abort(reason))), method).to.equal("KEYSTORE_UNREACHABLE");
        }
        expect(Buffer.from(await store.get(named("key"))).equals(VALUE)).to.equal(true);
        expect(await codeOf(store.get(named("new")))).to.equal("KEY_NOT_FOUND");
      });

      it("says of a create aborted on its way nothing that is not so", async () => {
        for (let turns = 0; turns < 24; turns++) {
          const key = named(`turn-${turns}`);
          const abort = new AbortController();
          const end = codeOf(store.create(key, VALUE, abort.signal));
          for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
          abort.abort(reason);
          const code = await end;
          const found = await codeOf(store.get(key));
          const possible: Record<string, readonly string[]> = {
            fulfilled: ["fulfilled"],
            KEYSTORE_UNREACHABLE: ["KEY_NOT_FOUND"],
            KEYSTORE_UNCERTAIN: ["fulfilled", "KEY_NOT_FOUND"],
          };
          expect(possible[code], code).to.include(found);
          if (found === "fulfilled") expect(Buffer.from(await store.get(key)).equals(VALUE)).to.equal(true);
        }
      });
    });

    describe("outage", () => {
      it("is never a missing key, and ends", async function () {
        if (options.outage === undefined) return this.skip();
        await store.create(named("key"), VALUE);
        const mend = await options.outage(store);
        const change = [...OUTAGE, "KEYSTORE_UNCERTAIN"];
        const calls: readonly (readonly [string, () => Promise<unknown>, readonly string[]])[] = [
          ["status", () => store.status(), OUTAGE],
          ["get", () => store.get(named("key")), OUTAGE],
          ["get of a missing key", () => store.get(named("none")), OUTAGE],
          ["list", () => store.list({ prefix: "", limit: 10 }), OUTAGE],
          ["create", () => store.create(named("new"), VALUE), change],
          ["delete", () => store.delete(named("none")), change],
          ["replace", () => store.replace(named("none"), VALUE, OTHER), change],
        ];
        for (const [what, call, codes] of calls) expect(await codeOf(call()), what).to.be.oneOf(codes);
        await mend();
        expect(Buffer.from(await store.get(named("key"))).equals(VALUE)).to.equal(true);
        await store.status();
      });
    });

    describe("close", () => {
      it("is idempotent, and every call after it is refused", async () => {
        await store.create(named("key"), VALUE);
        await Promise.all([store.close(), store.close()]);
        await store.close();
        const calls: readonly (() => Promise<unknown>)[] = [
          () => store.status(),
          () => store.get(named("key")),
          () => store.list({ prefix: "", limit: 1 }),
          () => store.create(named("new"), VALUE),
          () => store.delete(named("key")),
          () => store.replace(named("key"), VALUE, OTHER),
        ];
        for (const call of calls) expect(await codeOf(call())).to.equal("KEYSTORE_UNAVAILABLE");
      });

      it("lets a call that is under way end well or be refused", async () => {
        const under = codeOf(store.create(named("key"), VALUE));
        await store.close();
        expect(await under).to.be.oneOf(["fulfilled", "KEYSTORE_UNAVAILABLE", "KEYSTORE_UNCERTAIN"]);
      });
    });

    it("describes itself in one line", () => {
      expect(store.description).to.match(/^\S.*\S$/);
    });

    it("is healthy", () => store.status());

    it("rejects with errors of the catalogue only", async () => {
      const error: unknown = await store.get(named("none")).then(
        () => undefined,
        (cause: unknown) => cause,
      );
      expect(error).to.be.instanceOf(KesError);
    });
  });
}
