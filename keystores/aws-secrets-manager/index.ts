/** The AWS Secrets Manager keystore as adapter. The AWS SDK is loaded when it is opened, and not before. */
import { randomUUID } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import type { KeystoreAdapter } from "../../src/keystore/adapter.js";
import { type AwsOptions, awsSchema } from "./config.js";
import type { AwsEnvironment } from "./environment.js";
import { awsPermissions } from "./permissions.js";

/** Time, chance and variables of this process. */
export const realEnvironment: AwsEnvironment = {
  variables: process.env,
  now: () => performance.now(),
  random: () => Math.random(),
  randomId: () => randomUUID(),
  wait: (ms, signal) =>
    setTimeout(ms, undefined, { ref: false, ...(signal === undefined ? {} : { signal }) }),
  attemptTimeoutMs: 5_000,
};

export const adapter: KeystoreAdapter<AwsOptions> = {
  schema: awsSchema,
  async open(options, { warn }) {
    const { openAws } = await import("./open.js");
    return openAws(options, warn, realEnvironment);
  },
  permissions: awsPermissions,
};
