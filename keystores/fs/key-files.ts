/** The keys of a folder as a reader sees them. */
import { KesError } from "../../src/errors.js";
import { errnoOf, fault, unusable } from "../../src/keystore/faults.js";
import type { KeyName } from "../../src/names.js";
import type { Entries } from "./entries.js";
import { readKeyFile } from "./files.js";
import type { Folder } from "./folder.js";
import type { Traits } from "./inspect.js";

/** Reads keys by name. */
export class KeyFiles {
  readonly folder: Folder;
  readonly entries: Entries;
  readonly #traits: Traits;

  constructor(folder: Folder, entries: Entries, traits: Traits) {
    this.folder = folder;
    this.entries = entries;
    this.#traits = traits;
  }

  /** @throws KesError `KEY_NOT_FOUND`, outage codes; also for what is no regular file */
  async read(name: KeyName): Promise<Uint8Array> {
    try {
      if (this.#traits.ignoresCase) await this.#spelled(name);
      const { value, exposed } = await readKeyFile(this.folder.system, this.folder.at(name));
      if (exposed) this.entries.report(name, "can be read by other users: chmod 600 it");
      return value;
    } catch (cause) {
      if (errnoOf(cause) === "ELOOP")
        throw unusable(`${this.folder.subject}: a key is a symbolic link`, cause);
      throw fault(cause, { ENOENT: "KEY_NOT_FOUND" }, this.folder.subject);
    }
  }

  /** @throws KesError `KEY_NOT_FOUND`, outage codes; also for what is no regular file */
  async present(name: KeyName): Promise<void> {
    try {
      const stats = await this.folder.system.lstat(this.folder.at(name));
      if (!stats.isFile()) throw unusable(`${this.folder.subject}: the entry is not a regular file`);
      if (this.#traits.ignoresCase) await this.#spelled(name);
    } catch (cause) {
      throw fault(cause, { ENOENT: "KEY_NOT_FOUND" }, this.folder.subject);
    }
  }

  /** Where `Key` and `key` are one file, the value of one must not pass for the other's. */
  async #spelled(name: KeyName): Promise<void> {
    for await (const entry of this.folder.system.entries(this.folder.at(".")))
      if (entry.name === name) return;
    throw new KesError("KEY_NOT_FOUND");
  }
}
