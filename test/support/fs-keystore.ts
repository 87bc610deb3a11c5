/** Opens fs keystores with a file system and a clock of the test's choice. */
import { randomUUID } from "node:crypto";
import type { Environment } from "../../keystores/fs/lock.js";
import { FsKeystore } from "../../keystores/fs/store.js";
import { type FileSystem, nodeFileSystem } from "../../keystores/fs/system.js";

/** A clock that moves only when somebody waits, or when it is told to. */
export class FakeTime implements Environment {
  #passedMs = 0;
  readonly #startMs = Date.now();

  readonly now = (): number => this.#passedMs;
  readonly wallClock = (): number => this.#startMs + this.#passedMs;
  readonly randomId = (): string => randomUUID();

  readonly wait = async (ms: number): Promise<void> => {
    this.#passedMs += ms;
    await new Promise(setImmediate);
  };

  pass(ms: number): void {
    this.#passedMs += ms;
  }
}

/** An fs keystore on `path`, and what it has warned of. */
export async function openFs(
  path: string,
  options: { readonly system?: FileSystem; readonly env?: Environment } = {},
): Promise<{ readonly store: FsKeystore; readonly warnings: readonly string[] }> {
  const warnings: string[] = [];
  const context = {
    warn: (message: string) => void warnings.push(message),
    system: options.system ?? nodeFileSystem,
    env: options.env ?? new FakeTime(),
  };
  return { store: await FsKeystore.open({ path }, context), warnings };
}
