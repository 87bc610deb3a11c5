import { expect } from "chai";
import { openMemoryKeystore } from "../../../../keystores/memory/index.js";
import {
  type Conflict,
  CopyStopped,
  copyKeys,
  type KeyEntry,
  type OnConflict,
} from "../../../../src/cli/keystore/copy.js";
import { Patience } from "../../../../src/cli/keystore/patience.js";
import { Tally } from "../../../../src/cli/keystore/tally.js";
import { Target } from "../../../../src/cli/keystore/target.js";
import { KesError } from "../../../../src/errors.js";
import type { Keystore } from "../../../../src/keystore/contract.js";
import { FaultyKeystore, type Rule } from "../../../support/faulty-keystore.js";
import { errorOf, named } from "../../../support/keystore.js";
import { keyValue } from "../../../support/keystore-site.js";
import { QuickTicker } from "../../../support/quick-ticker.js";

const VALUES = Object.fromEntries(["a", "b", "c", "d"].map((name) => [name, keyValue()]));

interface Copied {
  readonly tally: Tally;
  readonly target: Keystore;
  readonly conflicts: readonly Conflict[];
  readonly error: unknown;
  readonly ticker: QuickTicker;
}

/** Copies {@link VALUES}, or `values`, into a keystore that holds `there` and fails as `script` says. */
async function copy(
  options: {
    readonly values?: Readonly<Record<string, Buffer | KesError>>;
    readonly there?: Readonly<Record<string, Buffer>>;
    readonly script?: readonly Rule[];
    readonly onConflict?: OnConflict;
    readonly mode?: "copy" | "plan" | "compare";
    readonly isListed?: boolean;
    readonly parallel?: number;
  } = {},
): Promise<Copied> {
  const {
    values = VALUES,
    there = {},
    script = [],
    onConflict = "abort",
    mode = "copy",
    parallel = 2,
  } = options;
  const memory = openMemoryKeystore();
  for (const [name, value] of Object.entries(there)) await memory.create(named(name), value);
  const target = new FaultyKeystore(memory, script);
  const ticker = new QuickTicker();
  const { signal } = new AbortController();
  const tally = new Tally();
  const conflicts: Conflict[] = [];
  async function* entries(): AsyncGenerator<KeyEntry> {
    for (const [name, value] of Object.entries(values)) {
      const isListed = options.isListed ?? Object.hasOwn(there, name);
      const read = async (): Promise<Uint8Array> => {
        if (value instanceof KesError) throw value;
        return Buffer.from(value);
      };
      yield { name: named(name), isListed, read };
    }
  }
  let error: unknown;
  try {
    await copyKeys({
      entries: entries(),
      target: new Target(target, new Patience(ticker, signal)),
      replaceAll: async (more) => void conflicts.push(...more),
      ...{ mode, onConflict, tally, parallel, signal },
    });
  } catch (cause) {
    error = cause;
  }
  target.script = [];
  return { tally, target, conflicts, error, ticker };
}

/** Names whose value at the target is that of {@link VALUES}. */
async function arrived(target: Keystore): Promise<string[]> {
  const names: string[] = [];
  for (const [name, value] of Object.entries(VALUES)) {
    const stored = await target.get(named(name)).catch(() => undefined);
    if (stored !== undefined && value.equals(stored)) names.push(name);
  }
  return names;
}

describe("cli/keystore/copy", () => {
  it("copies what is missing and leaves what is there", async () => {
    for (const isListed of [true, false]) {
      const { tally, target, error } = await copy({ there: { b: VALUES.b ?? Buffer.alloc(0) }, isListed });
      expect(error).to.equal(undefined);
      expect([tally.copied, tally.same, tally.done]).to.deep.equal([3, 1, 4]);
      expect(await arrived(target)).to.deep.equal(["a", "b", "c", "d"]);
    }
  });

  it("stops at a key with another value, and overwrites nothing", async () => {
    for (const isListed of [true, false]) {
      const other = keyValue();
      const { tally, target, error } = await copy({ there: { b: other }, isListed, parallel: 1 });
      expect(error).to.be.instanceOf(CopyStopped).with.property("reason", "conflict");
      expect(String(error)).to.include('"b"');
      expect(tally.differing.names).to.deep.equal(["b"]);
      expect(other.equals(await target.get(named("b")))).to.equal(true);
    }
  });

  it("keeps, or hands on with its new value, a key that differs, and goes on", async () => {
    const kept = await copy({ there: { b: keyValue() }, onConflict: "keep" });
    expect([kept.error, kept.tally.copied, kept.tally.differing.names]).to.deep.equal([undefined, 3, ["b"]]);
    const replaced = await copy({ there: { b: keyValue() }, onConflict: "replace" });
    expect(replaced.conflicts.map(({ name }) => name)).to.deep.equal(["b"]);
    expect(VALUES.b?.equals(replaced.conflicts[0]?.value ?? Buffer.alloc(0))).to.equal(true);
    expect(replaced.tally.differing.count).to.equal(0);
  });

  it("changes nothing when it only compares or plans", async () => {
    for (const mode of ["plan", "compare"] as const) {
      const there = { a: VALUES.a ?? Buffer.alloc(0), b: keyValue() };
      const { tally, target, error } = await copy({ there, mode });
      expect(error).to.equal(undefined);
      expect([tally.same, tally.missing, tally.differing.names]).to.deep.equal([1, 2, ["b"]]);
      expect(await arrived(target)).to.deep.equal(["a"]);
    }
  });

  const uncertain = (done: boolean): Rule => ({
    method: "create",
    call: 2,
    fault: { kind: "uncertain", done },
  });
  const faults: readonly (readonly [what: string, script: Rule[]])[] = [
    ["an answer that was lost, of a create that was done", [uncertain(true)]],
    ["an answer that was lost, of a create that was not done", [uncertain(false)]],
    [
      "an outage that passes",
      [1, 2, 3].map((call) => ({
        method: "create",
        call,
        fault: { kind: "fail", code: "KEYSTORE_UNREACHABLE" },
      })),
    ],
    ["a key that is seen a moment later", [{ method: "get", call: 1, fault: { kind: "forget" } }]],
  ];
  for (const [what, script] of faults) {
    it(`gets over ${what}`, async () => {
      const { tally, target, error } = await copy({ script, parallel: 1 });
      expect(error).to.equal(undefined);
      expect([tally.copied, tally.failed.entries]).to.deep.equal([4, []]);
      expect(await arrived(target)).to.deep.equal(["a", "b", "c", "d"]);
    });
  }

  it("does not call a key copied that reads back otherwise", async () => {
    for (const fault of [{ kind: "lie" }, { kind: "forget" }, { kind: "tear", bytes: 10 }] as const) {
      const { tally } = await copy({ script: [{ method: "get", name: "c", fault }] });
      expect([tally.copied, tally.failed.names]).to.deep.equal([3, ["c"]]);
      expect(tally.failed.entries[0]?.reason).to.match(/read back|reads back/);
    }
  });

  it("stops when an outage does not pass, after a while", async () => {
    const fault = { kind: "fail", code: "KEYSTORE_UNREACHABLE" } as const;
    const { error, ticker, tally } = await copy({ script: [{ method: "create", fault }], parallel: 1 });
    expect(error).to.be.instanceOf(CopyStopped).with.property("reason", "failure");
    expect(tally.copied).to.equal(0);
    const waitedMs = ticker.waits.reduce((sum, ms) => sum + ms, 0);
    expect(waitedMs).to.be.within(10_000, 20_000);
  });

  it("goes on after keys that fail by themselves, and stops when all do", async () => {
    const single = await copy({
      script: [{ method: "create", name: "b", fault: { kind: "fail", code: "KEYSTORE_UNAVAILABLE" } }],
    });
    expect([single.error, single.tally.copied, single.tally.failed.names]).to.deep.equal([
      undefined,
      3,
      ["b"],
    ]);
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`k${i + 100}`, keyValue()]));
    const all = await copy({
      values: many,
      script: [{ method: "create", fault: { kind: "fail", code: "KEYSTORE_UNAVAILABLE" } }],
    });
    expect(all.error).to.be.instanceOf(CopyStopped);
    expect(all.tally.failed.count).to.be.lessThan(30);
  });

  it("tells keys that were deleted meanwhile, cannot be read, or are no keys to it", async () => {
    const values = {
      a: new KesError("KEY_NOT_FOUND"),
      b: new KesError("KEYSTORE_UNAVAILABLE", [], { cause: new Error("version 1 was destroyed") }),
      c: Buffer.from("not a key"),
      d: keyValue(),
    };
    const { tally, target, error } = await copy({ values });
    expect(error).to.equal(undefined);
    expect([tally.gone, tally.copied, tally.notKeys.names]).to.deep.equal([1, 2, ["c"]]);
    expect(tally.failed.entries).to.deep.equal([{ name: "b", reason: "version 1 was destroyed" }]);
    expect(Buffer.from(await target.get(named("c"))).toString()).to.equal("not a key");
  });
});

describe("cli/keystore/target: replace", () => {
  /** A keystore without `replace`, as all but the file system are. */
  function withoutReplace(inner: Keystore): Keystore {
    return new Proxy(inner, {
      get(target, property) {
        if (property === "abilities") return { ...target.abilities, replace: false };
        const value: unknown = Reflect.get(target, property);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  }

  for (const canReplace of [true, false]) {
    const scripts: readonly (readonly [what: string, script: Rule[]])[] = [
      ["nothing goes wrong", []],
      ...(canReplace ? (["replace"] as const) : (["delete", "create"] as const)).flatMap((method) =>
        [true, false].map((done): readonly [string, Rule[]] => [
          `the answer to the ${method} is lost, ${done ? "done" : "not done"}`,
          [{ method, call: 1, fault: { kind: "uncertain", done } }],
        ]),
      ),
    ];
    for (const [what, script] of scripts) {
      it(`${canReplace ? "in one step" : "by delete and create"}: ${what}`, async () => {
        const [old, value] = [keyValue(), keyValue()];
        const memory = openMemoryKeystore();
        await memory.create(named("k"), old);
        const faulty = new FaultyKeystore(memory, script);
        const keystore = canReplace ? faulty : withoutReplace(faulty);
        const target = new Target(keystore, new Patience(new QuickTicker(), new AbortController().signal));
        await target.replace(named("k"), value, (there) => old.equals(there));
        expect(value.equals(await memory.get(named("k")))).to.equal(true);
      });
    }
  }

  it("does not touch a value that is not the one that was kept", async () => {
    for (const wrap of [(inner: Keystore) => inner, withoutReplace]) {
      const memory = openMemoryKeystore();
      const there = keyValue();
      await memory.create(named("k"), there);
      const target = new Target(wrap(memory), new Patience(new QuickTicker(), new AbortController().signal));
      const error = await errorOf(target.replace(named("k"), keyValue(), () => false));
      expect(String(error)).to.match(/changed by somebody else/);
      expect(there.equals(await memory.get(named("k")))).to.equal(true);
    }
  });

  it("says so when the new value cannot be stored after the old one is gone", async () => {
    const memory = openMemoryKeystore();
    await memory.create(named("k"), keyValue());
    const faulty = new FaultyKeystore(memory, [
      { method: "create", fault: { kind: "fail", code: "KEYSTORE_UNAVAILABLE" } },
    ]);
    const target = new Target(
      withoutReplace(faulty),
      new Patience(new QuickTicker(), new AbortController().signal),
    );
    const error = await errorOf(target.replace(named("k"), keyValue(), () => true));
    expect(String(error)).to.match(
      /old value was deleted, and the new one could not be stored: run the command again/,
    );
  });
});
