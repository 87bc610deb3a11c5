import { expect } from "chai";
import { MemoryKeystore } from "../../keystores/memory/store.js";
import { ConfigError, KesError } from "../../src/errors.js";
import { openKeystore } from "../../src/server/build-state.js";
import { FaultyKeystore } from "../support/faulty-keystore.js";
import { named } from "../support/keystore.js";
import { startTestServer } from "../support/test-server.js";

describe("a server that cannot start", () => {
  const opened = async (thrown: Error): Promise<unknown> => {
    const server = await startTestServer();
    try {
      const adapter = { schema: {}, open: async () => Promise.reject(thrown) };
      const registry = { memory: async () => ({ adapter }) };
      return await openKeystore(server.config, registry, server.server.errorLog).catch(
        (error: unknown) => error,
      );
    } finally {
      await server.close();
    }
  };

  it("names the option that the keystore complains of, without a stack", async () => {
    const error = await opened(new Error("path: './x' is not a directory"));
    expect(error).to.be.instanceOf(ConfigError);
    expect(String(error)).to.equal("ConfigError: test: keystore.memory: path: './x' is not a directory");
  });

  it("says why the keystore is not reachable", async () => {
    const cause = new Error("the volume is not mounted");
    expect(String(await opened(new KesError("KEYSTORE_UNREACHABLE", [], { cause })))).to.include(
      "keystore.memory: key store is not reachable (KEYSTORE_UNREACHABLE): the volume is not mounted",
    );
  });

  it("says which predefined key could not be created, and why", async () => {
    const rule = { method: "create", fault: { kind: "fail", code: "KEYSTORE_UNAVAILABLE" } } as const;
    const keystore = new FaultyKeystore(new MemoryKeystore(), [rule]);
    const keys = [{ name: named("first"), algorithm: "AES256" }] as const;
    const error = await startTestServer({ keystore, config: { keys } }).catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(ConfigError);
    expect(String(error))
      .to.include("keys (first): failed to create key")
      .and.include("KEYSTORE_UNAVAILABLE");
  });
});
