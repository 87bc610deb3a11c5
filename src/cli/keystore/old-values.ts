/** What `--force` replaces is first kept: in a bundle that is whole and on disk before anything is replaced. */
import { createHash, generateKeyPairSync } from "node:crypto";
import { resolve } from "node:path";
import type { RandomSource } from "../../crypto/random.js";
import { isKesError } from "../../errors.js";
import type { KeyName } from "../../names.js";
import { CommandError } from "../command.js";
import { createOutFile } from "../file/out-file.js";
import { publish } from "../init/publish.js";
import { type Locksmith, recipientLock } from "./bundle/lock.js";
import { BundleWriter } from "./bundle/write.js";
import { probeName, probeValue } from "./probe-key.js";
import { isSameValue, type Target } from "./target.js";

/** Name of a bundle for old values, without its extension: as given, or `kes-replaced-20260131T120000Z`. */
export function oldValuesName(given: string | undefined, now: Date): string {
  return given?.replace(/\.kesbundle$/, "") ?? `kes-replaced-${now.toISOString().replace(/\.\d+|[-:]/g, "")}`;
}

export interface OldValuesOptions {
  readonly target: Target;
  readonly cwd: string;
  /** Name of the first bundle without its extension; of others, a number is added. */
  readonly base: string;
  /** What the bundles are locked with; without it, a fresh key in a file beside the first. */
  readonly lock: Locksmith | undefined;
  readonly random: RandomSource;
  readonly nowMs: number;
  readonly signal: AbortSignal;
}

export class OldValues {
  readonly #options: OldValuesOptions;
  readonly #files: string[] = [];
  #keyFile: string | undefined;
  #lock: Locksmith | undefined;
  #isProved = false;

  constructor(options: OldValuesOptions) {
    this.#options = options;
    this.#lock = options.lock;
  }

  /** The bundles that were written. */
  get files(): readonly string[] {
    return this.#files;
  }

  /** The file with the key that opens them, when one was made. */
  get keyFile(): string | undefined {
    return this.#keyFile;
  }

  /**
   * Keeps what the target holds under `names`, which are in byte order.
   * @returns tells for a name whether a value is the one that was kept
   * @throws CommandError when it cannot be kept, or when the keystore could not take what replaces it
   */
  async keep(names: readonly KeyName[]): Promise<(name: KeyName, value: Uint8Array) => boolean> {
    const { target, cwd, base, random, nowMs, signal } = this.#options;
    await this.#proveReuse();
    const lock = await this.#lockOnce();
    const file = `${base}${this.#files.length === 0 ? "" : `-${this.#files.length + 1}`}.kesbundle`;
    const digests = new Map<string, string>();
    const sink = await createOutFile(file, { cwd, force: false, mode: 0o600, source: undefined });
    try {
      const about = {
        createdAt: new Date(nowMs).toISOString(),
        keystore: `${target.keystore.description} (values that kes migrate --force replaced)`,
      };
      const writer = await BundleWriter.begin({ sink, header: await lock(), about, random });
      for (const name of names) {
        const value = await target.find(name);
        if (value === undefined) continue;
        await writer.add(name, value);
        digests.set(name, digestOf(value));
        value.fill(0);
      }
      await writer.finish(signal);
    } finally {
      await sink.close();
    }
    this.#files.push(file);
    return (name, value) => digests.get(name) === digestOf(value);
  }

  async #lockOnce(): Promise<Locksmith> {
    if (this.#lock !== undefined) return this.#lock;
    const { cwd, base } = this.#options;
    const { publicKey, privateKey } = generateKeyPairSync("x25519");
    const keyFile = `${base}.key`;
    await publish(resolve(cwd, keyFile), privateKey.export({ format: "pem", type: "pkcs8" }), 0o600);
    this.#keyFile = keyFile;
    this.#lock = recipientLock(publicKey);
    return this.#lock;
  }

  /**
   * Where a value cannot be replaced in one step it is deleted and created anew. A keystore that keeps the name of a
   * deleted key for a while (a recovery window) would be left without the key, so that is tried with another one.
   */
  async #proveReuse(): Promise<void> {
    const { target, random } = this.#options;
    if (this.#isProved || target.keystore.abilities.replace) return;
    const name = probeName(random);
    const second = probeValue(random);
    await target.store(name, probeValue(random));
    await target.keystore.delete(name);
    try {
      await target.store(name, second);
    } catch (cause) {
      if (!isKesError(cause)) throw cause;
      throw new CommandError(
        "the target does not give the name of a deleted key free at once, so nothing can be replaced there",
        {
          cause,
          hints: ["where it has a recovery window for deleted keys, switch that off for the migration"],
        },
      );
    }
    const there = await target.find(name);
    const isSecond = there !== undefined && isSameValue(there, second);
    await target.keystore.delete(name);
    if (!isSecond)
      throw new CommandError("the target still gives the value of a key that was deleted and made anew");
    this.#isProved = true;
  }
}

function digestOf(value: Uint8Array): string {
  return createHash("sha256").update(value).digest("hex");
}
