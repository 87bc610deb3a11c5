/**
 * `npm run rotation [-- --objects N] [--kills N]`: objects in a folder, their keys in a key server; all of them are
 * resealed under another key by a process that is killed (SIGKILL) again and again. After each kill a sample is read;
 * in the end the old key is deleted, and every object is read and verified.
 * Exit 1 when one is not as it was stored, was told as resealed twice, or is still under the old key.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { randomBytes, randomInt } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { parseArgs } from "node:util";
import { ApiKey, KesClient } from "../src/client/index.js";
import { readEncryption } from "../src/storage/sse/metadata.js";
import { startTestServer } from "../test/support/test-server.js";
import { uploadBody } from "../test/support/upload-body.js";
import { BUCKET, contentOf, keyOf, openSite, type Site, type Task } from "./s3-rotation/site.js";

const { values } = parseArgs({
  options: { objects: { type: "string", default: "10000" }, kills: { type: "string", default: "10" } },
});
const count = Number(values.objects);
const kills = Number(values.kills);
if (!Number.isSafeInteger(count) || count < 10 || !Number.isSafeInteger(kills) || kills < 0) {
  throw new Error("--objects and --kills take numbers, --objects at least 10");
}
/** Objects that are read after a kill. */
const SAMPLE = 100;
const AT_ONCE = 16;

const failures: string[] = [];
const indices = Array.from({ length: count }, (_, i) => i);
const path = (index: number) => ({ bucket: BUCKET, object: keyOf(index) });
const sseOf = (index: number) => ({
  target: index % 2 === 0 ? ({ kind: "SSE-S3" } as const) : ({ kind: "SSE-KMS", keyId: "old" } as const),
  source: undefined,
});

async function forEach(items: readonly number[], work: (item: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let i = next++; i < items.length; i = next++) await work(items[i] ?? 0);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** Reads and compares. */
async function check({ objects }: Site, items: readonly number[]): Promise<void> {
  await forEach(items, async (index) => {
    const request = { path: path(index), sse: { target: undefined, source: undefined } };
    try {
      const { content } = await objects.get({ ...request, conditions: {}, wantsChecksum: false });
      const pieces: Buffer[] = [];
      for await (const piece of content) pieces.push(piece);
      if (!Buffer.concat(pieces).equals(contentOf(index))) failures.push(`${keyOf(index)}: other content`);
    } catch (error) {
      failures.push(`${keyOf(index)}: ${error instanceof Error ? error.message : error}`);
    }
  });
}

function underNewKey({ store }: Site): number {
  let found = 0;
  for (const { encryption } of store.scan(BUCKET, Buffer.alloc(0))) {
    const read = readEncryption(encryption);
    if (read !== undefined && read.kind !== "SSE-C" && read.dek.keyName === "new") found++;
  }
  return found;
}

const told = new Map<string, number>();

/** Runs the rotation until it has told of so many resealed objects, then kills it. @returns whether it came to its end */
async function rotate(task: Task, stopAfter: number): Promise<boolean> {
  const main = new URL("s3-rotation/rotate-main.ts", import.meta.url).pathname;
  const child: ChildProcessByStdio<null, Readable, null> = spawn(
    process.execPath,
    ["--import", "tsx/esm", main, JSON.stringify(task)],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const exit = once(child, "exit");
  let resealed = 0;
  for await (const line of createInterface(child.stdout)) {
    const [outcome, key = ""] = line.split(" ");
    if (outcome === "resealed") {
      told.set(key, (told.get(key) ?? 0) + 1);
      if (++resealed === stopAfter) child.kill("SIGKILL");
    } else if (outcome !== "already") failures.push(`${line}`);
  }
  const [code, signal] = await exit;
  if (code !== 0 && signal !== "SIGKILL") failures.push(`the rotation ended with ${code ?? signal}`);
  return code === 0;
}

const folder = await mkdtemp(join(tmpdir(), "keswick-rotation-"));
const apiKey = ApiKey.generate(randomBytes);
const server = await startTestServer({
  policies: {
    storage: { allow: ["/v1/key/generate/*", "/v1/key/decrypt/*"], identities: [apiKey.identity] },
  },
  keepLogs: false,
});
const admin = new KesClient({
  ...{ endpoints: server.url, ca: server.ca.certPem },
  ...{ certificate: server.admin.certPem, key: server.admin.keyPem },
});
let site: Site | undefined;
try {
  await writeFile(join(folder, "ca.crt"), server.ca.certPem);
  for (const name of ["old", "new"]) await admin.createKey(name);
  const task: Task = {
    folder: join(folder, "objects"),
    environment: {
      MINIO_KMS_KES_ENDPOINT: server.url,
      MINIO_KMS_KES_KEY_NAME: "old",
      MINIO_KMS_KES_CAPATH: join(folder, "ca.crt"),
      MINIO_KMS_KES_API_KEY: apiKey.toString(),
    },
  };
  const filling = await openSite(task);
  site = filling;
  await filling.objects.createBucket(BUCKET);
  await forEach(indices, async (index) => {
    const stored = { headers: {}, tags: [] };
    const body = uploadBody(contentOf(index));
    await filling.objects.put({ path: path(index), stored, sse: sseOf(index), conditions: {}, body });
  });
  await filling.objects.close();
  console.log(`${count} objects are under the old key`);

  const started = performance.now();
  for (let kill = 1; kill <= kills; kill++) {
    const isDone = await rotate(task, randomInt(1, Math.ceil(count / kills)));
    site = await openSite(task);
    const sample = Array.from({ length: SAMPLE }, () => randomInt(count));
    await check(site, sample);
    console.log(
      `kill ${kill}: ${underNewKey(site)} under the new key${isDone ? ", it had ended before" : ""}`,
    );
    await site.objects.close();
  }
  if (!(await rotate(task, Number.POSITIVE_INFINITY))) failures.push("the last rotation failed");
  const seconds = Math.round((performance.now() - started) / 1000);

  // The default key first: the key of the index follows it.
  site = await openSite({ ...task, environment: { ...task.environment, MINIO_KMS_KES_KEY_NAME: "new" } });
  const before = await site.objects.head({
    ...{ path: path(0), sse: { target: undefined, source: undefined }, conditions: {}, wantsChecksum: false },
  });
  await admin.deleteKey("old");
  await check(site, indices);
  let whole = 0;
  for await (const { outcome } of site.objects.verify()) if (outcome === "whole") whole++;
  const moved = underNewKey(site);
  const twice = [...told.values()].filter((times) => times > 1).length;
  console.log(
    `rotated in ${seconds} s, ${told.size} told of, ${count - told.size} done when their teller was killed`,
  );
  console.log(
    `old key deleted: ${moved} under the new key, ${whole} whole, ETag of the first ${before.object.etag}`,
  );
  if (moved !== count || whole !== count) failures.push("not all objects came over");
  if (twice > 0) failures.push(`${twice} objects were resealed twice`);
  await site.objects.close();
  site = undefined;
} finally {
  await site?.objects.close();
  await admin.close();
  await server.close();
  await rm(folder, { recursive: true, force: true });
}
for (const failure of failures.slice(0, 20)) console.error(`FAILED: ${failure}`);
process.exitCode = failures.length === 0 ? 0 : 1;
