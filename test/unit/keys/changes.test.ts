import { expect } from "chai";
import { KeyVersion } from "../../../src/crypto/key-version.js";
import { secureRandom } from "../../../src/crypto/random.js";
import type { ErrorCode } from "../../../src/errors.js";
import type { Fault, Rule } from "../../support/faulty-keystore.js";
import { codeOf, named } from "../../support/keystore.js";
import {
  abortableCall,
  alpha,
  type Bench,
  bench,
  isPlain,
  none,
  outage,
  plant,
  quiet,
  recover,
} from "./support.js";

const create = ({ service }: Bench) => codeOf(service.create(alpha, { createdBy: "admin" }));
const use = async ({ service }: Bench) => service.generate(alpha, none);
const otherKey = () =>
  KeyVersion.create({ algorithm: "AES256", createdBy: "", nowMs: 0, random: secureRandom }).encode();
const fail = (code: ErrorCode): Fault => ({ kind: "fail", code });

/** Waits for `end` while time passes. */
async function inTime<T>(b: Bench, end: Promise<T>, ms = 20_000): Promise<T> {
  await b.clock.advance(ms);
  return end;
}

describe("create", () => {
  it("stores, reads back, and has the key in memory", async () => {
    const b = bench();
    expect(await create(b)).to.equal("fulfilled");
    expect(b.keystore.calls).to.include({ create: 1, get: 1 });
    expect(isPlain(b.service.generate(alpha, none))).to.equal(true);
    const stored = KeyVersion.decode(await b.inner.get(alpha));
    const dek = await use(b);
    expect(stored.open(dek.ciphertext, none).equals(dek.plaintext)).to.equal(true);
    expect(await b.service.describe(alpha)).to.deep.equal({
      ...{ name: alpha, algorithm: "AES256", createdBy: "admin", createdAt: "2023-11-14T22:13:20Z" },
    });
  });

  it("makes AES256 keys unless told otherwise", async () => {
    const b = bench();
    const beta = named("beta");
    await b.service.create(alpha, { createdBy: "" });
    await b.service.create(beta, { createdBy: "", algorithm: "ChaCha20" });
    expect(await b.service.describe(alpha)).to.have.property("algorithm", "AES256");
    expect(await b.service.describe(beta)).to.have.property("algorithm", "ChaCha20");
  });

  it("imports 32 bytes, and refuses other sizes before the keystore is asked", async () => {
    const b = bench();
    const keyBytes = secureRandom(32);
    const options = { algorithm: "ChaCha20", createdBy: "x" } as const;
    expect(await codeOf(b.service.import(alpha, { ...options, keyBytes: keyBytes.subarray(1) }))).to.equal(
      "KEY_SIZE_INVALID",
    );
    expect(b.keystore.calls.create).to.equal(0);
    await b.service.import(alpha, { ...options, keyBytes });
    const original = KeyVersion.create({ ...options, nowMs: 0, random: secureRandom, keyBytes });
    const sealed = original.seal(Buffer.from("old data"), none, secureRandom);
    expect((await b.service.decrypt(alpha, sealed, none)).toString()).to.equal("old data");
  });

  it("leaves an existing key as it is", async () => {
    const b = bench();
    const key = await plant(b);
    expect(await create(b)).to.equal("KEY_EXISTS");
    const dek = await use(b);
    expect(key.open(dek.ciphertext, none).equals(dek.plaintext)).to.equal(true);
  });

  it("has one winner among 50 racing creates, whose key is the one used", async () => {
    const b = bench();
    const ends = await Promise.all(Array.from({ length: 50 }, () => create(b)));
    expect(ends.filter((end) => end === "fulfilled")).to.have.length(1);
    expect(ends.filter((end) => end === "KEY_EXISTS")).to.have.length(49);
    const dek = await use(b);
    const stored = KeyVersion.decode(await b.inner.get(alpha));
    expect(stored.open(dek.ciphertext, none).equals(dek.plaintext)).to.equal(true);
  });

  describe("a lying keystore", () => {
    const lies: readonly [string, readonly Rule[], ErrorCode][] = [
      ["says stored, stores nothing", [{ method: "create", fault: { kind: "lie" } }], "KEY_CREATE_FAILED"],
      [
        "says stored, stores another key",
        [{ method: "create", fault: { kind: "lie", value: otherKey() } }],
        "KEY_CREATE_FAILED",
      ],
      [
        "says stored, stores half of it",
        [{ method: "create", fault: { kind: "tear", bytes: 64 } }],
        "KEY_CREATE_FAILED",
      ],
      [
        "says stored, stores it and forgets it",
        [{ method: "create", fault: { kind: "forget" } }],
        "KEY_CREATE_FAILED",
      ],
      ["reads back other bytes", [{ method: "get", fault: { kind: "lie" } }], "KEY_CREATE_FAILED"],
      ["reads back nothing", [{ method: "get", fault: { kind: "lie", value: none } }], "KEY_CREATE_FAILED"],
      ["reads back a part", [{ method: "get", fault: { kind: "tear", bytes: 100 } }], "KEY_CREATE_FAILED"],
    ];
    for (const [what, script, code] of lies) {
      it(`${what}: ${code}, logged, and never a key used that was not read back`, async () => {
        const b = bench({ script });
        expect(await create(b)).to.equal(code);
        expect(b.log.errors.filter((line) => line.includes("alpha"))).to.have.length(1);
        expect(b.service.stats().entries).to.equal(0);
        // What can be read is what is used afterwards, or nothing.
        recover(b);
        const held = await codeOf(b.inner.get(alpha));
        const used = await codeOf(use(b));
        if (held === "KEY_NOT_FOUND") expect(used).to.equal("KEY_NOT_FOUND");
        else if (used === "fulfilled") {
          const dek = await use(b);
          const stored = KeyVersion.decode(await b.inner.get(alpha));
          expect(stored.open(dek.ciphertext, none).equals(dek.plaintext)).to.equal(true);
        } else expect(used).to.equal("KEY_READ_FAILED");
      });
    }
  });

  describe("outcomes", () => {
    const hang: Fault = { kind: "hang" };
    const table: readonly [string, readonly Rule[], ErrorCode | "fulfilled"][] = [
      ["unreachable", [{ method: "create", fault: fail("KEYSTORE_UNREACHABLE") }], "KEY_CREATE_FAILED"],
      ["unavailable", [{ method: "create", fault: fail("KEYSTORE_UNAVAILABLE") }], "KEY_CREATE_FAILED"],
      ["busy", [{ method: "create", fault: fail("KEYSTORE_BUSY") }], "KEYSTORE_BUSY"],
      ["uncertain, but done", [{ method: "create", fault: { kind: "uncertain", done: true } }], "fulfilled"],
      [
        "uncertain, not done",
        [{ method: "create", fault: { kind: "uncertain", done: false } }],
        "KEY_CREATE_UNCERTAIN",
      ],
      ["hangs", [{ method: "create", fault: hang }], "KEY_CREATE_UNCERTAIN"],
      [
        "hangs, and so does the look-up",
        [
          { method: "create", fault: hang },
          { method: "get", fault: hang },
        ],
        "KEY_CREATE_UNCERTAIN",
      ],
      [
        "done, but the answer is late",
        [{ method: "create", fault: { kind: "late", until: new Promise(() => {}) } }],
        "fulfilled",
      ],
      [
        "done, but reading back fails",
        [{ method: "get", fault: fail("KEYSTORE_UNREACHABLE") }],
        "KEY_CREATE_UNCERTAIN",
      ],
      ["done, but reading back hangs", [{ method: "get", fault: hang }], "KEY_CREATE_UNCERTAIN"],
      [
        "uncertain and unreachable",
        [
          { method: "create", fault: { kind: "uncertain", done: true } },
          { method: "get", fault: fail("KEYSTORE_UNAVAILABLE") },
        ],
        "KEY_CREATE_UNCERTAIN",
      ],
      ["an error of no contract", [{ method: "create", fault: fail("INTERNAL") }], "KEY_CREATE_UNCERTAIN"],
      [
        "exists, and cannot be looked up",
        [
          { method: "create", fault: fail("KEY_EXISTS") },
          { method: "get", fault: hang },
        ],
        "KEY_EXISTS",
      ],
    ];
    for (const [what, script, code] of table) {
      it(`${what}: ${code}`, async () => {
        const b = bench({ script });
        expect(await inTime(b, create(b))).to.equal(code);
        expect(b.service.stats().entries).to.equal(code === "fulfilled" ? 1 : 0);
        recover(b);
        await quiet();
        if (code === "fulfilled") await use(b);
      });
    }

    it("uncertain, and another key is there: KEY_EXISTS", async () => {
      const b = bench({ script: [{ method: "create", fault: { kind: "uncertain", done: false } }] });
      await plant(b);
      expect(await create(b)).to.equal("KEY_EXISTS");
    });

    it("a retry inside the adapter met its own first attempt: created", async () => {
      const b = bench();
      const { keystore, inner } = b;
      const real = keystore.create.bind(keystore);
      keystore.create = async (name, value, signal) => {
        await inner.create(name, value);
        return real(name, value, signal);
      };
      expect(await create(b)).to.equal("fulfilled");
      expect(isPlain(b.service.generate(alpha, none))).to.equal(true);
    });
  });

  it("goes on when the client goes away, and what it then answers is known", async () => {
    let answer = (): void => {};
    const until = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const b = bench({ script: [{ method: "create", fault: { kind: "late", until } }] });
    const { call, abort } = abortableCall();
    const end = codeOf(b.service.create(alpha, { createdBy: "" }, call));
    await quiet();
    abort();
    // The keystore has it, only its answer is late: the look-up finds it.
    expect(await end).to.equal("fulfilled");
    answer();
    await quiet();
    expect(isPlain(b.service.generate(alpha, none))).to.equal(true);
  });

  it("does not claim anything for a client that goes away before the keystore has it", async () => {
    const b = bench({ script: [{ method: "create", fault: { kind: "hang" } }] });
    const { call, abort } = abortableCall();
    const end = codeOf(b.service.create(alpha, { createdBy: "" }, call));
    await quiet();
    abort();
    expect(await end).to.equal("KEY_CREATE_UNCERTAIN");
    recover(b);
    await quiet();
    await use(b);
  });

  it("a request after the acknowledgement does not join an older fetch that will say not found", async () => {
    let answer = (): void => {};
    const until = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const b = bench({ script: [{ method: "get", call: 1, fault: { kind: "late", until } }] });
    const early = codeOf(use(b));
    await quiet();
    expect(await create(b)).to.equal("fulfilled");
    expect(isPlain(b.service.generate(alpha, none))).to.equal(true);
    b.service.forget(alpha);
    const after = use(b);
    answer();
    expect((await after).plaintext).to.have.length(32);
    expect(await early).to.equal("KEY_NOT_FOUND");
    expect(isPlain(b.service.generate(alpha, none))).to.equal(true);
  });

  it("an older fetch that says not found does not drop the key that was created meanwhile", async () => {
    let answer = (): void => {};
    const until = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const b = bench({ script: [{ method: "get", call: 1, fault: { kind: "late", until } }] });
    const early = codeOf(use(b));
    await quiet();
    expect(await create(b)).to.equal("fulfilled");
    answer();
    expect(await early).to.equal("KEY_NOT_FOUND");
    expect(isPlain(b.service.generate(alpha, none))).to.equal(true);
  });

  it("a request after KEY_EXISTS does not join an older fetch that will say not found", async () => {
    let answer = (): void => {};
    const until = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const b = bench({ script: [{ method: "get", call: 1, fault: { kind: "late", until } }] });
    const early = codeOf(use(b));
    await quiet();
    await plant(b);
    expect(await create(b)).to.equal("KEY_EXISTS");
    const after = use(b);
    answer();
    expect((await after).plaintext).to.have.length(32);
    expect(await early).to.equal("KEY_NOT_FOUND");
  });

  it("a delete that overtakes the reading back leaves nothing in memory", async () => {
    let answer = (): void => {};
    const until = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const b = bench({ script: [{ method: "get", fault: { kind: "late", until } }] });
    const end = create(b);
    await quiet();
    await b.service.delete(alpha);
    answer();
    expect(await end).to.equal("fulfilled");
    expect(b.service.stats().entries).to.equal(0);
    expect(await codeOf(use(b))).to.equal("KEY_NOT_FOUND");
  });

  it("refuses changes past the limit, and loses no slot", async () => {
    const b = bench({
      limits: { maxChanges: 1, maxWaitingChanges: 1 },
      script: [{ method: "create", fault: { kind: "hang" } }],
    });
    const names = ["a", "b", "c"].map(named);
    const ends = names.map((name) => codeOf(b.service.create(name, { createdBy: "" })));
    await quiet();
    expect(await ends[2]).to.equal("KEYSTORE_BUSY");
    recover(b);
    expect(await Promise.all(ends)).to.deep.equal(["fulfilled", "fulfilled", "KEYSTORE_BUSY"]);
    expect(await create(b)).to.equal("fulfilled");
  });

  it("does not begin for a client that is gone already", async () => {
    const b = bench();
    const { call, abort } = abortableCall();
    abort();
    expect(await codeOf(b.service.create(alpha, { createdBy: "" }, call))).to.equal("KEYSTORE_TIMEOUT");
    expect(b.keystore.calls.create).to.equal(0);
  });
});

describe("delete", () => {
  const remove = ({ service }: Bench) => codeOf(service.delete(alpha));

  /** A bench with alpha stored and in memory. */
  async function warm(): Promise<Bench> {
    const b = bench();
    await plant(b);
    await use(b);
    return b;
  }

  it("takes the key out of memory with the acknowledgement", async () => {
    const b = await warm();
    expect(await remove(b)).to.equal("fulfilled");
    expect(b.service.stats().entries).to.equal(0);
    expect(await codeOf(use(b))).to.equal("KEY_NOT_FOUND");
  });

  it("takes it out also when the keystore says that it does not exist", async () => {
    const b = await warm();
    await b.inner.delete(alpha);
    expect(await remove(b)).to.equal("KEY_NOT_FOUND");
    expect(b.service.stats().entries).to.equal(0);
  });

  const hang: Fault = { kind: "hang" };
  const table: readonly [string, readonly Rule[], ErrorCode | "fulfilled", entries: number][] = [
    ["unreachable", [{ method: "delete", fault: fail("KEYSTORE_UNREACHABLE") }], "KEY_DELETE_FAILED", 1],
    ["unavailable", [{ method: "delete", fault: fail("KEYSTORE_UNAVAILABLE") }], "KEY_DELETE_FAILED", 1],
    ["busy", [{ method: "delete", fault: fail("KEYSTORE_BUSY") }], "KEYSTORE_BUSY", 1],
    ["uncertain, but done", [{ method: "delete", fault: { kind: "uncertain", done: true } }], "fulfilled", 0],
    [
      "uncertain, not done",
      [{ method: "delete", fault: { kind: "uncertain", done: false } }],
      "KEY_DELETE_FAILED",
      0,
    ],
    [
      "uncertain and unreachable",
      [
        { method: "delete", fault: { kind: "uncertain", done: true } },
        { method: "get", fault: hang },
      ],
      "KEY_DELETE_UNCERTAIN",
      0,
    ],
    ["hangs", [{ method: "delete", fault: { kind: "late", until: new Promise(() => {}) } }], "fulfilled", 0],
    ["hangs before it did anything", [{ method: "delete", fault: hang }], "KEY_DELETE_FAILED", 0],
  ];
  for (const [what, script, code, entries] of table) {
    it(`${what}: ${code}`, async () => {
      const b = await warm();
      // Uses keep the key in memory while time passes.
      b.keystore.script = script;
      const end = remove(b);
      await b.clock.advance(12_500);
      expect(await end).to.equal(code);
      expect(b.service.stats().entries).to.equal(entries);
    });
  }

  it("still pending when it is looked up: not more is said than is known", async () => {
    const b = await warm();
    const { keystore } = b;
    keystore.delete = () => new Promise(() => {});
    const end = remove(b);
    await b.clock.advance(12_500);
    expect(await end).to.equal("KEY_DELETE_UNCERTAIN");
  });

  it("drops the key when a delete is done long after its deadline", async () => {
    const b = await warm();
    const { keystore, inner } = b;
    let go = (): void => {};
    keystore.delete = (name) =>
      new Promise<void>((resolve) => {
        go = resolve;
      }).then(() => inner.delete(name));
    const end = remove(b);
    await b.clock.advance(12_500);
    expect(await end).to.equal("KEY_DELETE_UNCERTAIN");
    await use(b);
    expect(b.service.stats().entries).to.equal(1);
    go();
    await quiet();
    expect(b.service.stats().entries).to.equal(0);
  });

  it("a fetch overtaken by a delete does not bring the key back, nor serve it", async () => {
    const b = bench();
    await plant(b);
    let answer = (): void => {};
    const until = new Promise<void>((resolve) => {
      answer = resolve;
    });
    b.keystore.script = [{ method: "get", call: 1, fault: { kind: "late", until } }];
    const early = codeOf(use(b));
    await quiet();
    expect(await remove(b)).to.equal("fulfilled");
    answer();
    expect(await early).to.equal("KEY_NOT_FOUND");
    expect(b.service.stats().entries).to.equal(0);
    expect(await codeOf(use(b))).to.equal("KEY_NOT_FOUND");
  });

  it("a background fetch overtaken by a delete does not bring the key back", async () => {
    const b = bench({ times: { unusedMs: 0 } });
    await plant(b);
    await use(b);
    await b.clock.advance(290_000);
    let answer = (): void => {};
    const until = new Promise<void>((resolve) => {
      answer = resolve;
    });
    b.keystore.script = [{ method: "get", fault: { kind: "late", until } }];
    b.service.generate(alpha, none);
    await quiet();
    expect(await remove(b)).to.equal("fulfilled");
    answer();
    await quiet();
    expect(b.service.stats().entries).to.equal(0);
  });

  it("keeps serving the key during an outage that made the delete fail", async () => {
    const b = await warm();
    outage(b);
    expect(await remove(b)).to.equal("KEY_DELETE_FAILED");
    expect(isPlain(b.service.generate(alpha, none))).to.equal(true);
  });

  it("another key under the same name is used after delete and create", async () => {
    const b = await warm();
    const before = await use(b);
    expect(await remove(b)).to.equal("fulfilled");
    expect(await create(b)).to.equal("fulfilled");
    expect(
      await codeOf(Promise.resolve().then(() => b.service.decrypt(alpha, before.ciphertext, none))),
    ).to.equal("DECRYPT_FAILED");
  });
});
