/** The parts of a generate and a decrypt, as functions that do them once. */
import { createHmac } from "node:crypto";
import { QuickJson } from "../../src/api/quick-json.js";
import { removedPaths, routes } from "../../src/api/routes.js";
import { readObject, toJson } from "../../src/api/wire.js";
import { type AuditEvent, auditMembers, toAuditText } from "../../src/audit/events.js";
import { LineTimes } from "../../src/audit/line-times.js";
import { pooledRandom, secureRandom } from "../../src/crypto/random.js";
import { deriveMessageKey, open, seal } from "../../src/crypto/seal.js";
import { verdict } from "../../src/policy/policy.js";
import { readTarget } from "../../src/server/canonical-path.js";
import { RouteTable } from "../../src/server/route-table.js";
import { policyOf } from "../../test/support/rules.js";

export interface Part {
  readonly part: string;
  readonly name: string;
  readonly run: () => unknown;
}

const TARGET = "/v1/key/generate/my-key";
const DECRYPT_FIELDS = { ciphertext: "ciphertext", context: "bytes" } as const;

/** @param kek - 32 bytes */
export function parts(kek: Buffer): Part[] {
  return [...crypto(kek), ...json(kek), ...way(), ...audit()];
}

function crypto(kek: Buffer): Part[] {
  const random = pooledRandom();
  const dek = random(32);
  const context = Buffer.from('{"bucket":"bucket/some/object-1"}');
  const iv = random(16);
  const part = "crypto";
  return [
    { part, name: "28 random bytes, pooled", run: () => random(28) },
    { part, name: "28 random bytes, from OpenSSL", run: () => secureRandom(28) },
    { part, name: "key of one message, AES256", run: () => deriveMessageKey("AES256", kek, iv) },
    { part, name: "HMAC-SHA-256 by createHmac", run: () => createHmac("sha256", kek).update(iv).digest() },
    ...(["AES256", "ChaCha20"] as const).flatMap((algorithm) => {
      const sealed = seal(algorithm, kek, dek, context, random);
      return [
        { part, name: `seal 32 bytes, ${algorithm}`, run: () => seal(algorithm, kek, dek, context, random) },
        { part, name: `open 32 bytes, ${algorithm}`, run: () => open(algorithm, kek, sealed, context) },
      ];
    }),
  ];
}

function json(kek: Buffer): Part[] {
  const random = pooledRandom();
  const context = Buffer.from('{"bucket":"bucket/some/object-1"}').toString("base64");
  const ciphertext = seal("AES256", kek, random(32), Buffer.alloc(0), random);
  const body = Buffer.from(JSON.stringify({ ciphertext: ciphertext.toString("base64"), context }));
  const quick = new QuickJson(DECRYPT_FIELDS);
  const plaintext = random(32);
  const part = "JSON";
  return [
    { part, name: "body of a decrypt, purpose-made", run: () => quick.object(body) },
    {
      part,
      name: "body of a decrypt, general",
      run: () => readObject({ ciphertext: "bytes", context: "bytes" }, body, "BODY_INVALID"),
    },
    { part, name: "JSON.parse of it alone", run: () => JSON.parse(body.toString("utf8")) },
    {
      part,
      name: "answer of a generate, base64 and JSON",
      run: () =>
        toJson({ plaintext: plaintext.toString("base64"), ciphertext: ciphertext.toString("base64") }),
    },
  ];
}

function way(): Part[] {
  const table = new RouteTable(routes, removedPaths);
  const storage = policyOf(
    ["/v1/key/create/*", "/v1/key/generate/*", "/v1/key/decrypt/*"],
    ["/v1/key/*/admin*"],
  );
  const target = readTarget(TARGET);
  if (target.kind !== "path") throw new Error(`${TARGET} is no path`);
  const { path, raw } = target;
  const part = "way";
  return [
    { part, name: "canonical path", run: () => readTarget(TARGET) },
    { part, name: "route of a path", run: () => table.find(path, raw) },
    { part, name: "policy with four patterns", run: () => verdict(storage, path) },
  ];
}

function audit(): Part[] {
  const times = new LineTimes();
  const event: AuditEvent = {
    timeMs: Date.now(),
    requestId: "a1b2c3d4e5f6-000042",
    method: "PUT",
    path: TARGET,
    ip: "10.1.2.3",
    identity: "3ecfcdf38fcbe141ae26a1030f81e96b753365a46760ae6b578698a97c59fd22",
    status: 200,
    durationNs: 34_567,
    message: "Generate a data key",
  };
  const part = "audit";
  return [
    { part, name: "console line", run: () => toAuditText(event, times) },
    { part, name: "record of the file and the stream", run: () => auditMembers(event, times) },
  ];
}
