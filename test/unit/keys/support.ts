/** A key service over a scripted keystore, with a clock that stands still until it is told to go. */
import { MemoryKeystore } from "../../../keystores/memory/store.js";
import type { Algorithm } from "../../../src/crypto/algorithm.js";
import { KeyVersion } from "../../../src/crypto/key-version.js";
import { secureRandom } from "../../../src/crypto/random.js";
import type { Cancel, Clock } from "../../../src/keys/clock.js";
import type { Call } from "../../../src/keys/deadline.js";
import {
  type CacheTimes,
  defaultCacheTimes,
  type KeyLimits,
  type KeyLog,
} from "../../../src/keys/options.js";
import { KeyService } from "../../../src/keys/service.js";
import type { KeyName } from "../../../src/names.js";
import { FaultyKeystore, type Rule } from "../../support/faulty-keystore.js";
import { named } from "../../support/keystore.js";

export const alpha = named("alpha");
export const context = Buffer.from("context");
export const none = Buffer.alloc(0);

interface Task {
  readonly atMs: number;
  readonly task: () => void;
}

/** Lets everything happen that needs no time to pass. */
export async function quiet(): Promise<void> {
  for (let round = 0; round < 3; round++) await new Promise((resolve) => setImmediate(resolve));
}

export class FakeClock implements Clock {
  #nowMs = 1_000_000;
  readonly #tasks = new Set<Task>();

  /** Tasks that wait for their time. */
  get waiting(): number {
    return this.#tasks.size;
  }

  now(): number {
    return this.#nowMs;
  }

  wallNow(): number {
    return 1_700_000_000_000;
  }

  after(delayMs: number, task: () => void): Cancel {
    const entry = { atMs: this.#nowMs + delayMs, task };
    this.#tasks.add(entry);
    return () => this.#tasks.delete(entry);
  }

  /** Lets `ms` pass, and everything happen that is due meanwhile. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    for (;;) {
      await quiet();
      const due = [...this.#tasks].filter((task) => task.atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (due === undefined) break;
      this.#tasks.delete(due);
      this.#nowMs = Math.max(this.#nowMs, due.atMs);
      due.task();
    }
    this.#nowMs = endMs;
    await quiet();
  }
}

/** Keeps what was logged. */
export class TestLog implements KeyLog {
  readonly errors: string[] = [];
  readonly warnings: string[] = [];

  error(message: string): void {
    this.errors.push(message);
  }

  warn(message: string): void {
    this.warnings.push(message);
  }
}

export interface Bench {
  readonly clock: FakeClock;
  readonly log: TestLog;
  /** What the keystore really holds. */
  readonly inner: MemoryKeystore;
  /** The keystore as the service sees it. */
  readonly keystore: FaultyKeystore;
  readonly service: KeyService;
}

/** A service over an empty keystore; closed after the test. */
export function bench(
  options: { times?: Partial<CacheTimes>; limits?: Partial<KeyLimits>; script?: readonly Rule[] } = {},
): Bench {
  const clock = new FakeClock();
  const log = new TestLog();
  const inner = new MemoryKeystore();
  const keystore = new FaultyKeystore(inner, options.script);
  const service = new KeyService({
    ...{ keystore, clock, log, random: secureRandom },
    cache: { ...defaultCacheTimes, ...options.times },
    limits: options.limits ?? {},
  });
  return { clock, log, inner, keystore, service };
}

/** Puts a key into the keystore behind the service's back, and gives it. */
export async function plant(
  { inner }: Bench,
  name: KeyName = alpha,
  algorithm: Algorithm = "AES256",
): Promise<KeyVersion> {
  const key = KeyVersion.create({ algorithm, createdBy: "", nowMs: 0, random: secureRandom });
  await inner.create(name, key.encode());
  return key;
}

/** All calls of these methods fail from now on as if the keystore were gone. */
export function outage(
  { keystore }: Bench,
  methods: readonly Rule["method"][] = ["status", "get", "create", "delete", "list"],
): void {
  keystore.script = methods.map((method) => ({
    method,
    fault: { kind: "fail", code: "KEYSTORE_UNREACHABLE" },
  }));
}

/** All calls hang from now on. */
export function hang({ keystore }: Bench): void {
  const methods = ["status", "get", "create", "delete", "list"] as const;
  keystore.script = methods.map((method) => ({ method, fault: { kind: "hang" } }));
}

/** The keystore is well again. */
export function recover({ keystore }: Bench): void {
  keystore.script = [];
  keystore.release();
}

/** A call whose signal the test aborts. */
export function abortableCall(): { call: Call; abort(): void } {
  const controller = new AbortController();
  return { call: { signal: () => controller.signal }, abort: () => controller.abort() };
}

/** True when the value is at hand, so that no request would wait for it. */
export function isPlain(value: unknown): boolean {
  return !(value instanceof Promise);
}
