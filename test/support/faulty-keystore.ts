/** A keystore that fails on demand, for the tests of every layer above. */
import { type ErrorCode, KesError } from "../../src/errors.js";
import { abortable } from "../../src/keystore/call.js";
import type { Keystore, KeystorePage, ListOptions } from "../../src/keystore/contract.js";
import type { KeyName } from "../../src/names.js";

/** The methods that a script can spoil. */
export type Method = "status" | "create" | "get" | "replace" | "delete" | "list";

/** What goes wrong. */
export type Fault =
  /** Rejects; nothing is done. */
  | { readonly kind: "fail"; readonly code: ErrorCode }
  /** Does nothing until the signal is aborted or {@link FaultyKeystore.release} is called, then goes on as usual. */
  | { readonly kind: "hang" }
  /** Changes: says done and does nothing, or stores `value` instead. get: answers `value`, or other bytes. */
  | { readonly kind: "lie"; readonly value?: Uint8Array }
  /** create, replace: stores the first `bytes` only and says done. get: answers the first `bytes` only. */
  | { readonly kind: "tear"; readonly bytes: number }
  /** Does its work at once, answers when `until` resolves, and cannot be aborted. */
  | { readonly kind: "late"; readonly until: Promise<void> }
  /** get, delete: says not found for what is stored. list: leaves everything out. Changes: done, then undone. */
  | { readonly kind: "forget" }
  /** Rejects with `KEYSTORE_UNCERTAIN`, having done its work or not. */
  | { readonly kind: "uncertain"; readonly done: boolean };

/** One line of a script; the first that fits a call decides. */
export interface Rule {
  readonly method: Method;
  /** The how-manieth call of the method, from 1; without it every call. */
  readonly call?: number;
  /** Only calls for this key. */
  readonly name?: string;
  readonly fault: Fault;
}

/** Passes calls on to `inner`, except those that its script spoils. The script may be changed at any time. */
export class FaultyKeystore implements Keystore {
  script: readonly Rule[];
  /** Calls so far, by method, spoilt ones too. */
  readonly calls: Record<Method, number> = { status: 0, create: 0, get: 0, replace: 0, delete: 0, list: 0 };
  readonly #inner: Keystore;
  readonly #hanging = new Set<() => void>();

  constructor(inner: Keystore, script: readonly Rule[] = []) {
    this.#inner = inner;
    this.script = script;
  }

  get description(): string {
    return this.#inner.description;
  }

  get abilities(): Keystore["abilities"] {
    return this.#inner.abilities;
  }

  /** How many calls hang at the moment. */
  get hanging(): number {
    return this.#hanging.size;
  }

  /** Lets every hanging call go on. */
  release(): void {
    for (const go of this.#hanging) go();
  }

  status(signal?: AbortSignal): Promise<void> {
    const real = () => this.#inner.status(signal);
    return this.#spoil("status", undefined, signal, real, { lie: async () => {} });
  }

  create(name: KeyName, value: Uint8Array, signal?: AbortSignal): Promise<void> {
    const store = (bytes: Uint8Array) => this.#inner.create(name, bytes, signal);
    return this.#spoil("create", name, signal, () => store(value), {
      lie: async (other) => (other === undefined ? undefined : store(other)),
      tear: (bytes) => store(value.subarray(0, bytes)),
      forget: async () => {
        await store(value);
        await this.#inner.delete(name, signal);
      },
    });
  }

  get(name: KeyName, signal?: AbortSignal): Promise<Uint8Array> {
    const real = () => this.#inner.get(name, signal);
    return this.#spoil("get", name, signal, real, {
      lie: async (other) => other ?? (await real()).map((byte) => byte ^ 0x55),
      tear: async (bytes) => (await real()).slice(0, bytes),
      forget: () => Promise.reject(new KesError("KEY_NOT_FOUND")),
    });
  }

  replace(name: KeyName, expected: Uint8Array, next: Uint8Array, signal?: AbortSignal): Promise<void> {
    const store = (bytes: Uint8Array) => this.#inner.replace(name, expected, bytes, signal);
    return this.#spoil("replace", name, signal, () => store(next), {
      lie: async (other) => (other === undefined ? undefined : store(other)),
      tear: (bytes) => store(next.subarray(0, bytes)),
      forget: async () => {
        await store(next);
        await this.#inner.replace(name, next, expected, signal);
      },
    });
  }

  delete(name: KeyName, signal?: AbortSignal): Promise<void> {
    return this.#spoil("delete", name, signal, () => this.#inner.delete(name, signal), {
      lie: async () => {},
      forget: () => Promise.reject(new KesError("KEY_NOT_FOUND")),
    });
  }

  list(options: ListOptions, signal?: AbortSignal): Promise<KeystorePage> {
    const nothing = async (): Promise<KeystorePage> => ({ names: [], more: false });
    const real = () => this.#inner.list(options, signal);
    return this.#spoil("list", undefined, signal, real, { lie: nothing, forget: nothing });
  }

  close(): Promise<void> {
    this.release();
    return this.#inner.close();
  }

  async #spoil<T>(
    method: Method,
    name: KeyName | undefined,
    signal: AbortSignal | undefined,
    real: () => Promise<T>,
    ways: {
      readonly lie?: (value: Uint8Array | undefined) => Promise<T>;
      readonly tear?: (bytes: number) => Promise<T>;
      readonly forget?: () => Promise<T>;
    },
  ): Promise<T> {
    const call = ++this.calls[method];
    const fits = (rule: Rule): boolean =>
      rule.method === method && (rule.call ?? call) === call && (rule.name ?? name) === name;
    const fault = this.script.find(fits)?.fault;
    if (fault === undefined) return real();
    switch (fault.kind) {
      case "fail":
        throw new KesError(fault.code);
      case "hang":
        await this.#hang(signal);
        return real();
      case "late": {
        const end = await Promise.allSettled([real()]);
        await fault.until;
        return end[0].status === "fulfilled" ? end[0].value : Promise.reject(end[0].reason);
      }
      case "uncertain":
        if (fault.done) await real();
        throw new KesError("KEYSTORE_UNCERTAIN");
      case "lie":
        if (ways.lie) return ways.lie(fault.value);
        break;
      case "tear":
        if (ways.tear) return ways.tear(fault.bytes);
        break;
      case "forget":
        if (ways.forget) return ways.forget();
    }
    throw new Error(`a script wants ${method} to ${fault.kind}, which it cannot`);
  }

  async #hang(signal: AbortSignal | undefined): Promise<void> {
    let go = (): void => {};
    const released = new Promise<void>((resolve) => {
      go = resolve;
      this.#hanging.add(go);
    });
    try {
      await abortable(signal, "hanging keystore", () => released);
    } finally {
      this.#hanging.delete(go);
    }
  }
}
