/** The keystore of `--dev`. Not in the registry: a configuration that names it would lose every key at exit. */
import type { Keystore } from "../../src/keystore/contract.js";
import { MemoryKeystore } from "./store.js";

/** An empty keystore in memory. */
export function openMemoryKeystore(): Keystore {
  return new MemoryKeystore();
}
