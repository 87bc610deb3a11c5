/** The fs keystore: one file for each key, in KES's layout (KES keystore reference §5). */
import { isKesError } from "../../src/errors.js";
import type { AdapterContext } from "../../src/keystore/adapter.js";
import { abortable, type Call } from "../../src/keystore/call.js";
import { checkName, checkValue, closedError } from "../../src/keystore/checks.js";
import type { Keystore, KeystoreAbilities, KeystorePage, ListOptions } from "../../src/keystore/contract.js";
import { Limiter } from "../../src/keystore/limiter.js";
import type { KeyName } from "../../src/names.js";
import { Changes } from "./changes.js";
import type { FsOptions } from "./config.js";
import { Entries } from "./entries.js";
import { Folder } from "./folder.js";
import { inspect } from "./inspect.js";
import { KeyFiles } from "./key-files.js";
import type { Environment } from "./lock.js";
import { Pages } from "./pages.js";
import { sweep } from "./sweep.js";
import type { FileSystem } from "./system.js";

/** Calls at work at a time; each holds one or two open files. */
const MAX_CALLS = 128;
const MAX_WAITING = 16_384;

/** What {@link FsKeystore.open} needs besides its options. */
export interface FsContext extends AdapterContext {
  readonly system: FileSystem;
  readonly env: Environment;
}

/**
 * Keys as files: the name is the key name, the content the value and nothing more.
 *
 * A change is acknowledged when it is on disk and the path still leads to the folder it was made in. What
 * happens in which order, and why, stands in `changes.ts` and `lock.ts`.
 */
export class FsKeystore implements Keystore {
  readonly description: string;
  readonly abilities: KeystoreAbilities = {
    atomicCreate: true,
    replace: true,
    durable: true,
    reportsMissingDelete: true,
  };
  readonly #folder: Folder;
  readonly #keys: KeyFiles;
  readonly #changes: Changes;
  readonly #pages: Pages;
  readonly #limiter = new Limiter(MAX_CALLS, MAX_WAITING);
  readonly #ending = new AbortController();
  readonly #swept: Promise<void>;
  #closed: Promise<void> | undefined;

  private constructor(keys: KeyFiles, { env, warn }: FsContext) {
    this.description = `Filesystem: ${keys.folder.place}`;
    this.#folder = keys.folder;
    this.#keys = keys;
    this.#changes = new Changes(keys, env);
    this.#pages = new Pages(keys, env.wallClock);
    this.#swept = sweep(keys, env, this.#ending.signal, warn);
  }

  /**
   * Opens the key folder, in time that does not depend on the number of keys: strange files are reported, and
   * leftovers of crashed processes removed, in the background.
   * @throws Error naming the option `path`, or KesError outage codes
   */
  static async open(options: FsOptions, context: FsContext): Promise<FsKeystore> {
    const folder = await Folder.open(options.path, context.system, context.mustExist);
    try {
      const traits = await inspect(folder, context.env.randomId, context.warn);
      return new FsKeystore(new KeyFiles(folder, new Entries(folder, context.warn), traits), context);
    } catch (cause) {
      await folder.close();
      throw cause;
    }
  }

  status(signal?: AbortSignal): Promise<void> {
    return this.#run(signal, async () => {
      // The path may lead to the folder and the disk still fail, so an entry is read, too.
      for await (const _ of this.#folder.system.entries(this.#folder.at("."))) break;
    });
  }

  create(name: KeyName, value: Uint8Array, signal?: AbortSignal): Promise<void> {
    const content = Buffer.from(value);
    return this.#change(signal, name, [content], (call) => this.#changes.create(call, name, content));
  }

  get(name: KeyName, signal?: AbortSignal): Promise<Uint8Array> {
    return this.#run(signal, async () => {
      checkName(name);
      return this.#keys.read(name);
    });
  }

  replace(name: KeyName, expected: Uint8Array, next: Uint8Array, signal?: AbortSignal): Promise<void> {
    const [known, content] = [Buffer.from(expected), Buffer.from(next)];
    return this.#change(signal, name, [known, content], (call) =>
      this.#changes.replace(call, name, known, content),
    );
  }

  delete(name: KeyName, signal?: AbortSignal): Promise<void> {
    return this.#change(signal, name, [], (call) => this.#changes.delete(call, name));
  }

  list(options: ListOptions, signal?: AbortSignal): Promise<KeystorePage> {
    return this.#run(signal, (call) => this.#pages.page(call, options));
  }

  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  async #end(): Promise<void> {
    this.#ending.abort();
    await this.#swept;
    // A call whose caller was told of an abort may still be inside a system call that names the descriptor.
    await this.#limiter.idle();
    await this.#folder.close();
  }

  /** A call that owns `copies` of the caller's values, so that buffers may be reused at once; zeroed after. */
  async #change(
    signal: AbortSignal | undefined,
    name: KeyName,
    copies: readonly Buffer[],
    task: (call: Call) => Promise<void>,
  ): Promise<void> {
    checkName(name);
    for (const copy of copies) checkValue(copy);
    await this.#run(signal, async (call) => {
      try {
        await task(call);
      } finally {
        for (const copy of copies) copy.fill(0);
      }
    });
  }

  /** Any call. Whatever it finds in the folder, it is told only while the path still leads to that folder. */
  async #run<T>(signal: AbortSignal | undefined, task: (call: Call) => Promise<T>): Promise<T> {
    if (this.#closed !== undefined) throw closedError();
    return abortable(signal, this.#folder.subject, (call) =>
      this.#limiter.run(async () => {
        call.proceed();
        await this.#folder.enter();
        try {
          const result = await task(call);
          await this.#folder.check();
          return result;
        } catch (cause) {
          if (isKesError(cause, "KEY_NOT_FOUND", "KEY_EXISTS", "KEY_CHANGED")) await this.#folder.check();
          throw cause;
        }
      }),
    );
  }
}
