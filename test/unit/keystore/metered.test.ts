import { expect } from "chai";
import { openMemoryKeystore } from "../../../keystores/memory/index.js";
import { metered } from "../../../src/keystore/metered.js";
import { FaultyKeystore } from "../../support/faulty-keystore.js";
import { codeOf, named } from "../../support/keystore.js";

describe("metered keystore", () => {
  it("tells of every call: what, how it ended, how long it took", async () => {
    const calls: [string, string][] = [];
    const store = metered(
      new FaultyKeystore(openMemoryKeystore(), [
        { method: "status", fault: { kind: "fail", code: "KEYSTORE_UNREACHABLE" } },
      ]),
      (operation, outcome, seconds) => {
        expect(seconds).to.be.within(0, 5);
        calls.push([operation, outcome]);
      },
    );
    const key = named("key");
    await store.create(key, Buffer.from("value"));
    expect(await codeOf(store.create(key, Buffer.from("other")))).to.equal("KEY_EXISTS");
    await store.get(key);
    await store.replace(key, Buffer.from("value"), Buffer.from("other"));
    await store.list({ prefix: "", limit: 10 });
    await store.delete(key);
    expect(await codeOf(store.get(key))).to.equal("KEY_NOT_FOUND");
    expect(await codeOf(store.status())).to.equal("KEYSTORE_UNREACHABLE");
    await store.close();
    expect(calls).to.deep.equal([
      ["create", "ok"],
      ["create", "key_exists"],
      ["get", "ok"],
      ["replace", "ok"],
      ["list", "ok"],
      ["delete", "ok"],
      ["get", "key_not_found"],
      ["status", "keystore_unreachable"],
    ]);
  });
});
