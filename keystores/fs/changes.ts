/** Create, replace and delete: each step such that a crash after it loses nothing that was acknowledged. */
import { KesError } from "../../src/errors.js";
import type { Call } from "../../src/keystore/call.js";
import { sameBytes } from "../../src/keystore/checks.js";
import { errnoOf, uncertain, unusable } from "../../src/keystore/faults.js";
import type { KeyName } from "../../src/names.js";
import { draftName } from "./entries.js";
import { exists, writeDraft } from "./files.js";
import type { KeyFiles } from "./key-files.js";
import { type Environment, type Lock, lock } from "./lock.js";

/** Changes the keys of one folder. Parameters and errors are those of the contract. */
export class Changes {
  readonly #keys: KeyFiles;
  readonly #env: Environment;

  constructor(keys: KeyFiles, env: Environment) {
    this.#keys = keys;
    this.#env = env;
  }

  /**
   * link(2) publishes the finished, durable draft or fails with EEXIST: a crash can leave a stray draft but
   * never half a key, and two racing creates cannot both win.
   */
  async create(call: Call, name: KeyName, value: Uint8Array): Promise<void> {
    const { folder, entries } = this.#keys;
    const path = folder.at(name);
    // Tells a taken name without writing, so also on a full disk.
    if (await exists(folder.system, path)) throw new KesError("KEY_EXISTS");
    const draft = folder.at(draftName(this.#env.randomId()));
    await writeDraft(folder.system, draft, value);
    try {
      await folder.check();
      await call.commit(() => this.#publish(draft, path), { EEXIST: "KEY_EXISTS" });
      await this.#settle();
    } finally {
      // Nothing but the draft, which is this call's own: the name may be another's healthy key.
      await folder.system.unlink(draft).catch(() => entries.report("a draft", "could not be removed"));
    }
  }

  /** The claim of the lock is the new value: one rename(2) installs it, and only while the lock is held. */
  async replace(call: Call, name: KeyName, expected: Uint8Array, next: Uint8Array): Promise<void> {
    const verify = async (): Promise<void> => {
      if (!sameBytes(await this.#keys.read(name), expected)) throw new KesError("KEY_CHANGED");
    };
    await this.#locked(call, name, next, verify, async ({ claim }) => {
      const { folder } = this.#keys;
      await call.commit(async () => {
        try {
          await folder.system.rename(claim, folder.at(name));
        } catch (cause) {
          if (errnoOf(cause) !== "ENOENT") throw cause;
          await folder.check();
          throw unusable("the change took so long that its lock was taken away; nothing was changed", cause);
        }
      });
      await this.#settle();
    });
  }

  async delete(call: Call, name: KeyName): Promise<void> {
    const { folder } = this.#keys;
    const verify = () => this.#keys.present(name);
    await this.#locked(call, name, new Uint8Array(), verify, async (held) => {
      await call.commit(() => folder.system.unlink(folder.at(name)), { ENOENT: "KEY_NOT_FOUND" });
      // Without the lock, a replace that looked before and renamed after may have brought the key back.
      if (!(await held.release())) throw uncertain(new Error("the lock was taken away during a delete"));
      await this.#settle();
    });
  }

  /** Runs `change` with the lock of `name` held and `verify` passed under it. */
  async #locked(
    call: Call,
    name: KeyName,
    claim: Uint8Array,
    verify: () => Promise<void>,
    change: (held: Lock) => Promise<void>,
  ): Promise<void> {
    const { folder, entries } = this.#keys;
    await verify();
    const held = await lock(folder, this.#env, call, name, claim, verify);
    try {
      await verify();
      await folder.check();
      await change(held);
    } finally {
      // What is left of a lock only delays the next change, so its failure is not that of the change.
      await held.release().catch(() => entries.report("a lock", "could not be removed"));
    }
  }

  async #publish(draft: string, path: string): Promise<void> {
    const { system } = this.#keys.folder;
    try {
      await system.link(draft, path);
    } catch (cause) {
      if (errnoOf(cause) !== "EEXIST") throw cause;
      // A network file system that lost the answer asks again and finds the link that it has made itself.
      const [ours, theirs] = await Promise.all([system.lstat(draft), system.lstat(path)]);
      if (ours.dev !== theirs.dev || ours.ino !== theirs.ino) throw cause;
    }
  }

  /** Makes the change durable, and certain that it was made where the next start will look for it. */
  async #settle(): Promise<void> {
    await this.#keys.folder.sync();
    await this.#keys.folder.check();
  }
}
