/** The table of keystores. A new one is a new folder and a new line here. */
import type { KeystoreRegistry } from "../src/keystore/adapter.js";

/** Path under `keystore:` in the configuration → adapter, loaded only when it is named. */
export const keystores = {
  fs: () => import("./fs/index.js"),
  vault: () => import("./vault/index.js"),
  "aws.secretsmanager": () => import("./aws-secrets-manager/index.js"),
} satisfies KeystoreRegistry;
