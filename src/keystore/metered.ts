/** A keystore whose calls are counted and timed. */
import { KesError } from "../errors.js";
import type { Keystore } from "./contract.js";

/** A call of the contract. */
type Operation = "status" | "create" | "get" | "replace" | "delete" | "list";

/**
 * Told of every call when it has ended.
 * @param outcome - `ok`, or the error's code in lower case; `error` for what is no {@link KesError}
 */
export type CallObserver = (operation: Operation, outcome: string, seconds: number) => void;

/** The same keystore; `observe` must not throw. */
export function metered(keystore: Keystore, observe: CallObserver): Keystore {
  const timed = async <T>(operation: Operation, call: () => Promise<T>): Promise<T> => {
    const startedMs = performance.now();
    let outcome = "ok";
    try {
      return await call();
    } catch (error) {
      outcome = error instanceof KesError ? error.code.toLowerCase() : "error";
      throw error;
    } finally {
      observe(operation, outcome, (performance.now() - startedMs) / 1000);
    }
  };
  return {
    // One that is opened later changes both.
    get description() {
      return keystore.description;
    },
    get abilities() {
      return keystore.abilities;
    },
    status: (signal) => timed("status", () => keystore.status(signal)),
    create: (name, value, signal) => timed("create", () => keystore.create(name, value, signal)),
    get: (name, signal) => timed("get", () => keystore.get(name, signal)),
    replace: (name, expected, next, signal) =>
      timed("replace", () => keystore.replace(name, expected, next, signal)),
    delete: (name, signal) => timed("delete", () => keystore.delete(name, signal)),
    list: (options, signal) => timed("list", () => keystore.list(options, signal)),
    close: () => keystore.close(),
  };
}
