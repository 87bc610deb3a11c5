import { expect } from "chai";
import { openMemoryKeystore } from "../../../keystores/memory/index.js";
import { type Fault, FaultyKeystore } from "../../support/faulty-keystore.js";
import { codeOf, named } from "../../support/keystore.js";

const KEY = named("key");
const VALUE = Buffer.from("value");
const OTHER = Buffer.from("other");

describe("FaultyKeystore", () => {
  const inner = openMemoryKeystore;
  const text = async (get: Promise<Uint8Array>) => Buffer.from(await get).toString();

  it("fails one call of one method, by number and name", async () => {
    const fault: Fault = { kind: "fail", code: "KEYSTORE_UNAVAILABLE" };
    const store = new FaultyKeystore(inner(), [{ method: "get", call: 2, name: "key", fault }]);
    await store.create(KEY, VALUE);
    expect(await text(store.get(KEY))).to.equal("value");
    expect(await codeOf(store.get(KEY))).to.equal("KEYSTORE_UNAVAILABLE");
    expect(await text(store.get(KEY))).to.equal("value");
    expect(store.calls.get).to.equal(3);
  });

  it("lies about creates and reads", async () => {
    const memory = inner();
    const store = new FaultyKeystore(memory, [{ method: "create", call: 1, fault: { kind: "lie" } }]);
    await store.create(KEY, VALUE);
    expect(await codeOf(memory.get(KEY))).to.equal("KEY_NOT_FOUND");
    store.script = [{ method: "create", fault: { kind: "lie", value: OTHER } }];
    await store.create(KEY, VALUE);
    expect(await text(memory.get(KEY))).to.equal("other");
    store.script = [{ method: "get", fault: { kind: "lie" } }];
    expect(await text(store.get(KEY))).not.to.equal("other");
  });

  it("tears, forgets and undoes", async () => {
    const memory = inner();
    const store = new FaultyKeystore(memory, [{ method: "create", fault: { kind: "tear", bytes: 2 } }]);
    await store.create(KEY, VALUE);
    expect(await text(memory.get(KEY))).to.equal("va");
    store.script = [{ method: "get", fault: { kind: "forget" } }];
    expect(await codeOf(store.get(KEY))).to.equal("KEY_NOT_FOUND");
    store.script = [{ method: "create", fault: { kind: "forget" } }];
    await store.create(named("gone"), VALUE);
    expect(await codeOf(memory.get(named("gone")))).to.equal("KEY_NOT_FOUND");
    store.script = [{ method: "list", fault: { kind: "forget" } }];
    expect((await store.list({ prefix: "", limit: 5 })).names).to.deep.equal([]);
  });

  it("leaves the outcome unknown, done or not", async () => {
    for (const done of [true, false]) {
      const memory = inner();
      const store = new FaultyKeystore(memory, [{ method: "create", fault: { kind: "uncertain", done } }]);
      expect(await codeOf(store.create(KEY, VALUE))).to.equal("KEYSTORE_UNCERTAIN");
      expect(await codeOf(memory.get(KEY))).to.equal(done ? "fulfilled" : "KEY_NOT_FOUND");
    }
  });

  it("hangs until it is released or aborted", async () => {
    const store = new FaultyKeystore(inner(), [{ method: "get", fault: { kind: "hang" } }]);
    await store.create(KEY, VALUE);
    const abort = new AbortController();
    const ends = [codeOf(store.get(KEY)), codeOf(store.get(KEY, abort.signal))];
    expect(store.hanging).to.equal(2);
    abort.abort();
    expect(await ends[1]).to.equal("KEYSTORE_UNREACHABLE");
    expect(store.hanging).to.equal(1);
    store.release();
    expect(await ends[0]).to.equal("fulfilled");
  });

  it("answers late what it has done at once", async () => {
    const memory = inner();
    let answer = (): void => {};
    const until = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const store = new FaultyKeystore(memory, [{ method: "create", fault: { kind: "late", until } }]);
    let answered = false;
    const end = store.create(KEY, VALUE).then(() => {
      answered = true;
    });
    await new Promise(setImmediate);
    expect(await text(memory.get(KEY))).to.equal("value");
    expect(answered).to.equal(false);
    answer();
    await end;
  });
});
