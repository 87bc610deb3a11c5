/** Objects, contents and folders for tests of stores. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type FileSystem, nodeFileSystem } from "../../../../src/storage/store/file-system.js";
import type { HeldObject, ObjectRecord, ObjectStore } from "../../../../src/storage/store/object-store.js";

/** A check that lets everything pass. */
export const always = (): void => {};

export function recordOf(key: string, changes: Partial<ObjectRecord> = {}): ObjectRecord {
  return {
    key,
    size: 0,
    etag: "d41d8cd98f00b204e9800998ecf8427e",
    modifiedMs: 1_700_000_000_000,
    headers: { "content-type": "text/plain" },
    tags: [],
    encryption: {},
    ...changes,
  };
}

/** Bytes that differ at every place and for every seed. */
export function bytesOf(size: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(size);
  let state = seed * 2_654_435_761 + 1;
  for (let at = 0; at < size; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

export async function* chunksOf(bytes: Uint8Array, chunk = 60_000): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk);
}

/** Puts an object whose record tells its size. */
export async function put(
  store: ObjectStore,
  bucket: string,
  key: string,
  content: Buffer,
  changes: Partial<ObjectRecord> = {},
): Promise<void> {
  const draft = await store.draft(chunksOf(content));
  await store.publish(bucket, recordOf(key, { size: content.length, ...changes }), draft, always);
}

/** An upload of these parts, numbered from 1. */
export async function putParts(
  store: ObjectStore,
  bucket: string,
  key: string,
  id: string,
  contents: readonly Buffer[],
): Promise<void> {
  await store.createUpload(bucket, uploadOf(key, id));
  for (const [at, content] of contents.entries()) await putPart(store, bucket, key, id, at + 1, content);
}

export function uploadOf(key: string, id: string) {
  return { key, id, createdMs: 5, headers: {}, tags: [], encryption: {} };
}

export async function putPart(
  store: ObjectStore,
  bucket: string,
  key: string,
  id: string,
  number: number,
  content: Buffer,
): Promise<void> {
  const size = content.length;
  const part = { number, size, storedSize: size, etag: `etag-${number}-${size}`, modifiedMs: 6 };
  await store.putPart(bucket, key, id, part, await store.draft(chunksOf(content)));
}

/** Some of a held object, or all. */
export async function readAll(held: HeldObject, offset = 0, length = held.storedSize): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of held.read(offset, length)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The content of an object; undefined when there is none. */
export async function contentOf(
  store: ObjectStore,
  bucket: string,
  key: string,
): Promise<Buffer | undefined> {
  const held = await store.hold(bucket, key);
  if (held === undefined) return undefined;
  try {
    return await readAll(held);
  } finally {
    held.release();
  }
}

export function keysOf(store: ObjectStore, bucket: string): string[] {
  return Array.from(store.scan(bucket, Buffer.alloc(0)), ({ key }) => key);
}

/** Folders of one suite: the function gives a new one; all are removed afterwards. */
export function scratchFolders(): () => string {
  let root: string | undefined;
  let count = 0;
  after(() => {
    if (root !== undefined) rmSync(root, { recursive: true, force: true });
  });
  return () => {
    root ??= mkdtempSync(join(tmpdir(), "keswick-store-"));
    return join(root, String(++count));
  };
}

/** One system call of the store. */
export interface SystemCall {
  readonly name: keyof FileSystem;
  /** The path it names, for rename the first; for calls by descriptor the one that was opened. */
  readonly path: string;
  /** The second path of a rename. */
  readonly to: string | undefined;
}

/** What happens around calls; what a hook throws is what the call ends with. */
export interface Hooks {
  readonly before?: (call: SystemCall) => void | Promise<void>;
  /** The call was carried out, as one whose answer is lost. */
  readonly after?: (call: SystemCall) => void | Promise<void>;
}

/** An error as the system gives it. */
export function systemError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: injected`), { code });
}

/** The real calls with `hooks` around each. */
export function faultyFileSystem(hooks: Hooks, inner: FileSystem = nodeFileSystem): FileSystem {
  const opened = new Map<number, string>();
  async function around<T>(
    name: keyof FileSystem,
    place: string | number,
    real: () => Promise<T>,
    to?: string,
  ): Promise<T> {
    const path = typeof place === "string" ? place : (opened.get(place) ?? "");
    await hooks.before?.({ name, path, to });
    const result = await real();
    await hooks.after?.({ name, path, to });
    return result;
  }
  return {
    async open(path, flags, mode) {
      const fd = await around("open", path, () => inner.open(path, flags, mode));
      opened.set(fd, path);
      return fd;
    },
    fstat: (fd) => around("fstat", fd, () => inner.fstat(fd)),
    lstat: (path) => around("lstat", path, () => inner.lstat(path)),
    read: (fd, into, offset) => around("read", fd, () => inner.read(fd, into, offset)),
    write: (fd, bytes) => around("write", fd, () => inner.write(fd, bytes)),
    fsync: (fd) => around("fsync", fd, () => inner.fsync(fd)),
    fdatasync: (fd) => around("fdatasync", fd, () => inner.fdatasync(fd)),
    // A descriptor is closed whatever close(2) says; else a test that injects errors would leak them.
    async close(fd) {
      await inner.close(fd);
      await around("close", fd, async () => {});
    },
    rename: (from, to) => around("rename", from, () => inner.rename(from, to), to),
    unlink: (path) => around("unlink", path, () => inner.unlink(path)),
    mkdir: (path, mode) => around("mkdir", path, () => inner.mkdir(path, mode)),
    rmdir: (path) => around("rmdir", path, () => inner.rmdir(path)),
    chmod: (path, mode) => around("chmod", path, () => inner.chmod(path, mode)),
    async *entries(path) {
      await around("entries", path, async () => {});
      yield* inner.entries(path);
    },
    state: (path) => around("state", path, () => inner.state(path)),
  };
}

/** How a call ended: its S3 reason, else the message; `fulfilled` when it went well. */
export async function endOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return "fulfilled";
  } catch (cause) {
    if (!(cause instanceof Error)) return String(cause);
    return "reason" in cause && typeof cause.reason === "string" ? cause.reason : cause.message;
  }
}
