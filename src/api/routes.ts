/**
 * The table of routes: the one source for dispatch, policy paths, limits, deadlines, `GET /v1/api`, metrics
 * and the OpenAPI document. A new route is one file and one line here.
 */
import { describeIdentity } from "./identity/describe.js";
import { listIdentities } from "./identity/list.js";
import { describeSelf } from "./identity/self-describe.js";
import { bulkDecryptKey } from "./key/bulk-decrypt.js";
import { bulkGenerateKey } from "./key/bulk-generate.js";
import { keyChanged } from "./key/changed.js";
import { createKey } from "./key/create.js";
import { decryptKey } from "./key/decrypt.js";
import { deleteKey } from "./key/delete.js";
import { describeKey } from "./key/describe.js";
import { encryptKey } from "./key/encrypt.js";
import { generateKey } from "./key/generate.js";
import { hmacKey } from "./key/hmac.js";
import { importKey } from "./key/import.js";
import { listKeys } from "./key/list.js";
import { auditLog, auditLogTrace } from "./log/audit.js";
import { errorLog, errorLogTrace } from "./log/error.js";
import { describePolicy } from "./policy/describe.js";
import { listPolicies } from "./policy/list.js";
import { readPolicy } from "./policy/read.js";
import type { Route } from "./route.js";
import { reloadServer } from "./server/reload.js";
import { api } from "./status/api.js";
import { metrics } from "./status/metrics.js";
import { metricsFull } from "./status/metrics-full.js";
import { ready } from "./status/ready.js";
import { readyVerbose } from "./status/ready-verbose.js";
import { status } from "./status/status.js";
import { version } from "./status/version.js";

export const routes: readonly Route[] = [
  version,
  ready,
  readyVerbose,
  status,
  metrics,
  metricsFull,
  api,
  createKey,
  importKey,
  describeKey,
  listKeys,
  deleteKey,
  keyChanged,
  generateKey,
  encryptKey,
  decryptKey,
  hmacKey,
  bulkDecryptKey,
  bulkGenerateKey,
  describePolicy,
  readPolicy,
  listPolicies,
  describeIdentity,
  listIdentities,
  describeSelf,
  errorLog,
  auditLog,
  errorLogTrace,
  auditLogTrace,
  reloadServer,
];

/**
 * Paths of older and of multi-tenant servers that changed policies and identities at run time. They are
 * answered 501, which clients do not take for the failure of an endpoint (KES reference §4, §12.4).
 */
export const removedPaths: readonly string[] = [
  "/v1/policy/write/",
  "/v1/policy/assign/",
  "/v1/policy/delete/",
  "/v1/policy/create/",
  "/v1/identity/assign/",
  "/v1/identity/forget/",
  "/v1/identity/delete/",
  "/v1/identity/create/",
  "/v1/enclave/",
  "/v1/secret/",
  "/v1/sys/seal",
  "/v1/cluster/",
];
