/** KV version 1: no check-and-set, so two creates of one name may both succeed (KES keystore reference §6.6). */
import { KesError } from "../../src/errors.js";
import { unusable } from "../../src/keystore/faults.js";
import type { KeyName } from "../../src/names.js";
import { expectSuccess, isAbsent, isDoubtful, refusal } from "./answer.js";
import {
  changeError,
  deleteAt,
  fieldOf,
  joined,
  type KvEngine,
  type KvEntry,
  type KvPlace,
  readAt,
} from "./kv.js";
import { originOf } from "./mark.js";
import type { CallScope } from "./transit.js";

export class Kv1 implements KvEngine {
  readonly hasAtomicCreate = false;
  readonly #place: KvPlace;
  readonly #mayCreate: boolean;
  /** Creates of this process, by name, one after another: among them at least there is one winner. */
  readonly #creating = new Map<KeyName, Promise<void>>();

  /** @param mayCreate - the operator accepts that servers may race */
  constructor(place: KvPlace, mayCreate: boolean) {
    this.#place = place;
    this.#mayCreate = mayCreate;
  }

  get listPath(): string {
    return joined(this.#place.engine, this.#place.prefix);
  }

  async read(name: KeyName, scope: CallScope): Promise<string> {
    const answer = await readAt(this.#place.session, this.#path(name), { ...this.#scope, ...scope });
    if (answer.status === 200) return fieldOf(answer.body?.data, name, answer);
    if (answer.body?.warnings !== undefined && answer.body.warnings !== null) {
      throw unusable(`vault: ${answer.request}: the engine is of version 2: set 'version: v2'`);
    }
    if (isAbsent(answer)) throw new KesError("KEY_NOT_FOUND");
    throw refusal(answer);
  }

  async create(name: KeyName, text: string): Promise<void> {
    if (!this.#mayCreate) {
      throw unusable(
        "vault: a KV engine of version 1 cannot decide a race of two creates, after which data is lost for good: " +
          "use version 2, or set 'v1.allow_racy_create: true' where only one server creates keys",
      );
    }
    const before = this.#creating.get(name) ?? Promise.resolve();
    const mine = before.catch(() => {}).then(() => this.#create(name, text));
    this.#creating.set(name, mine);
    try {
      await mine;
    } finally {
      if (this.#creating.get(name) === mine) this.#creating.delete(name);
    }
  }

  /** Always undefined: an overwrite leaves one text. */
  async readRewrapped(): Promise<string | undefined> {
    return undefined;
  }

  async entry(name: KeyName, scope: CallScope): Promise<KvEntry> {
    const first = await this.read(name, scope);
    return { first, rewrapped: undefined, origin: originOf(first), version: 0 };
  }

  async expectRewrappable(): Promise<void> {
    if (this.#mayCreate) return;
    throw unusable(
      "vault: a KV engine of version 1 can only be written over, which would bring back a key that is deleted " +
        "meanwhile, and KES opens 'vault:v1:' alone: set 'v1.allow_racy_create: true' where nobody else changes keys",
    );
  }

  async rewrap(name: KeyName, { first }: KvEntry, text: string): Promise<boolean> {
    if ((await this.read(name, {})) !== first) return false;
    await this.#write(name, text);
    return true;
  }

  async delete(name: KeyName): Promise<void> {
    await deleteAt(this.#place.session, this.#path(name), this.#scope);
  }

  async #create(name: KeyName, text: string): Promise<void> {
    if (await this.#exists(name)) throw new KesError("KEY_EXISTS");
    await this.#write(name, text);
    // Whoever wrote after us has won: to say "created" of a key that is gone would lose data.
    let stored: string;
    try {
      stored = await this.read(name, {});
    } catch (error) {
      throw new Error("vault: the key was written but cannot be read back", { cause: error });
    }
    if (stored !== text) throw new KesError("KEY_EXISTS");
  }

  async #exists(name: KeyName): Promise<boolean> {
    try {
      await this.read(name, {});
      return true;
    } catch (error) {
      if (error instanceof KesError && error.code === "KEY_NOT_FOUND") return false;
      throw error;
    }
  }

  async #write(name: KeyName, text: string): Promise<void> {
    const { session } = this.#place;
    const request = {
      method: "PUT",
      path: this.#path(name),
      body: { [name]: text },
      ...this.#scope,
    } as const;
    // Never twice: a repeat could write over what another server created meanwhile.
    const answer = await session.send(request, { attempts: 1 }).catch((error: unknown) => {
      throw changeError(error);
    });
    if (isDoubtful(answer)) throw new Error("vault: the write may have happened", { cause: refusal(answer) });
    expectSuccess(answer);
  }

  #path(name: KeyName): string {
    return joined(this.#place.engine, this.#place.prefix, name);
  }

  get #scope(): CallScope {
    const { namespace } = this.#place;
    return namespace === undefined ? {} : { namespace };
  }
}
