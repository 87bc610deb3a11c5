/** The whole configuration: one schema for each section. */
import { optionalText, section } from "./schema.js";
import { addressSchema } from "./sections/address.js";
import { adminSchema } from "./sections/admin.js";
import { apiSchema } from "./sections/api.js";
import { auditSchema } from "./sections/audit.js";
import { cacheSchema } from "./sections/cache.js";
import { clusterSchema } from "./sections/cluster.js";
import { keysSchema } from "./sections/keys.js";
import { keystoreSchema } from "./sections/keystore.js";
import { logSchema } from "./sections/log.js";
import { metricsSchema } from "./sections/metrics.js";
import { policySchema } from "./sections/policy.js";
import { serverSchema } from "./sections/server.js";
import { tlsSchema } from "./sections/tls.js";

export const configSchema = section(
  {
    version: optionalText({ env: false, description: "Version of the file's format: v1." }),
    address: addressSchema,
    admin: adminSchema,
    tls: tlsSchema,
    server: serverSchema,
    policy: policySchema,
    api: apiSchema,
    cache: cacheSchema,
    cluster: clusterSchema,
    log: logSchema,
    audit: auditSchema,
    metrics: metricsSchema,
    keys: keysSchema,
    keystore: keystoreSchema,
  },
  "The configuration of a key server.",
);
