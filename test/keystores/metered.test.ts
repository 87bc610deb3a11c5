import { openMemoryKeystore } from "../../keystores/memory/index.js";
import { metered } from "../../src/keystore/metered.js";
import { FaultyKeystore } from "../support/faulty-keystore.js";
import { keystoreConformance } from "./conformance.js";

let faulty: FaultyKeystore;

keystoreConformance(
  "metered keystore over memory",
  async () => {
    faulty = new FaultyKeystore(openMemoryKeystore());
    return metered(faulty, () => {});
  },
  {
    async outage() {
      const methods = ["status", "create", "get", "replace", "delete", "list"] as const;
      faulty.script = methods.map((method) => ({
        method,
        fault: { kind: "fail", code: "KEYSTORE_UNREACHABLE" },
      }));
      return async () => {
        faulty.script = [];
      };
    },
  },
);
