import { openMemoryKeystore } from "../../keystores/memory/index.js";
import { FaultyKeystore } from "../support/faulty-keystore.js";
import { keystoreConformance } from "./conformance.js";

keystoreConformance("memory", async () => openMemoryKeystore());

keystoreConformance(
  "faulty keystore without a script, over memory",
  async () => new FaultyKeystore(openMemoryKeystore()),
  {
    async outage(store) {
      if (!(store instanceof FaultyKeystore)) throw new Error("another keystore was expected");
      const methods = ["status", "create", "get", "replace", "delete", "list"] as const;
      store.script = methods.map((method) => ({
        method,
        fault: { kind: "fail", code: "KEYSTORE_UNREACHABLE" },
      }));
      return async () => {
        store.script = [];
      };
    },
  },
);
