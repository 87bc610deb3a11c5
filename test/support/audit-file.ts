/** Audit files for tests: in a folder of their own, with a clock that is set by hand and a disk that fails on demand. */
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AuditFileSettings } from "../../src/audit/file/audit-file.js";
import { CheckpointSigner } from "../../src/audit/file/checkpoint.js";
import { takeLock } from "../../src/audit/file/lock.js";
import { type AuditFileSystem, nodeAuditFileSystem } from "../../src/audit/file/system.js";
import { AuditWriter, type AuditWriterParts } from "../../src/audit/file/writer.js";

export interface AuditFolder {
  readonly folder: string;
  readonly path: string;
  readonly signer: CheckpointSigner;
  readonly publicKey: KeyObject;
  readonly settings: AuditFileSettings;
  /** `level message` of what was logged. */
  readonly logged: string[];
  /** Milliseconds that are added to the wall clock, and to the one that only goes forward. */
  readonly clock: { wallMs: number; forwardMs: number };
  /** What a call of the file system throws, by its name; none by default. */
  readonly faults: Map<keyof AuditFileSystem, () => Error | undefined>;
  writer(settings?: Partial<AuditFileSettings>, parts?: Partial<AuditWriterParts>): AuditWriter;
  text(name?: string): Promise<string>;
  lines(name?: string): Promise<Record<string, unknown>[]>;
  names(): Promise<string[]>;
  remove(): Promise<void>;
}

export async function auditFolder(): Promise<AuditFolder> {
  const folder = await mkdtemp(join(tmpdir(), "keswick-audit-"));
  const path = join(folder, "audit.log");
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const signer = new CheckpointSigner(privateKey);
  const settings: AuditFileSettings = { path, maxBytes: 0, maxAgeMs: 0, keep: 0, signer, sync: true };
  const logged: string[] = [];
  const clock = { wallMs: 0, forwardMs: 0 };
  const faults: AuditFolder["faults"] = new Map();
  const text = (name = "audit.log"): Promise<string> => readFile(join(folder, name), "utf8");
  return {
    folder,
    path,
    signer,
    publicKey,
    settings,
    logged,
    clock,
    faults,
    writer: (changed = {}, parts = {}) =>
      new AuditWriter(
        { ...settings, ...changed },
        {
          fs: failing(faults),
          log: {
            info: (message) => logged.push(`info ${message}`),
            warn: (message) => logged.push(`warn ${message}`),
            error: (message, cause) =>
              logged.push(`error ${message}${cause === undefined ? "" : `: ${String(cause)}`}`),
          },
          now: () => Date.now() + clock.wallMs,
          monotonic: () => performance.now() + clock.forwardMs,
          version: "test",
          neededFrom: () => Number.POSITIVE_INFINITY,
          lock: () => takeLock(`${path}.lock`),
          onWritten: () => undefined,
          ...parts,
        },
      ),
    text,
    lines: async (name) =>
      (await text(name))
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line)),
    names: async () => (await readdir(folder)).sort(),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** A request's record for tests. */
export function sampleMembers(number: number): string {
  const time = new Date(Date.UTC(2026, 0, 1) + number).toISOString();
  return `"type":"request","time":"${time}","request":{"path":"/v1/key/generate/k${number}","id":"${number}","method":"PUT"},"response":{"code":200,"time":1000},"message":""`;
}

export function diskError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: injected`), { code });
}

function failing(faults: AuditFolder["faults"]): AuditFileSystem {
  const guarded = <A extends unknown[], R>(
    name: keyof AuditFileSystem,
    call: (...args: A) => Promise<R>,
  ): ((...args: A) => Promise<R>) => {
    return async (...args) => {
      const error = faults.get(name)?.();
      if (error !== undefined) throw error;
      return call(...args);
    };
  };
  const fs = nodeAuditFileSystem;
  return {
    open: guarded("open", fs.open),
    append: guarded("append", fs.append),
    read: guarded("read", fs.read),
    fdatasync: guarded("fdatasync", fs.fdatasync),
    fstat: guarded("fstat", fs.fstat),
    stat: guarded("stat", fs.stat),
    truncate: guarded("truncate", fs.truncate),
    close: guarded("close", fs.close),
    rename: guarded("rename", fs.rename),
    remove: guarded("remove", fs.remove),
    list: guarded("list", fs.list),
    syncFolder: guarded("syncFolder", fs.syncFolder),
    readText: guarded("readText", fs.readText),
    replace: guarded("replace", fs.replace),
  };
}
