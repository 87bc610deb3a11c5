/** The fs keystore as adapter. */
import { randomUUID } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import type { KeystoreAdapter } from "../../src/keystore/adapter.js";
import { type FsOptions, fsSchema } from "./config.js";
import type { Environment } from "./lock.js";
import { FsKeystore } from "./store.js";
import { nodeFileSystem } from "./system.js";

/** Time and chance of this machine. */
export const realEnvironment: Environment = {
  now: () => performance.now(),
  wallClock: () => Date.now(),
  wait: (ms) => setTimeout(ms),
  randomId: () => randomUUID(),
};

export const adapter: KeystoreAdapter<FsOptions> = {
  schema: fsSchema,
  open: (options, context) =>
    FsKeystore.open(options, { ...context, system: nodeFileSystem, env: realEnvironment }),
};
