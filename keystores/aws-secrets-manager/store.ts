/** Keys in AWS Secrets Manager, laid out as KES lays them out. */
import { isKesError } from "../../src/errors.js";
import { abortable } from "../../src/keystore/call.js";
import { checkName, checkValue, closedError } from "../../src/keystore/checks.js";
import type { Keystore, KeystoreAbilities, KeystorePage, ListOptions } from "../../src/keystore/contract.js";
import { unusable } from "../../src/keystore/faults.js";
import type { KeyName } from "../../src/names.js";
import { createSecret, deleteSecret } from "./changes.js";
import { PROBE } from "./config.js";
import type { AwsEnvironment } from "./environment.js";
import { type AwsFailure, failedAs, outage } from "./failure.js";
import { Pages } from "./pages.js";
import type { Secrets } from "./secrets.js";
import { storedOf } from "./value.js";
import { absenceOf, newVersionId, Versions } from "./versions.js";

/** Fewer than of other reads: whoever asks for the state waits five seconds, and asks again soon. */
const STATUS_ATTEMPTS = 2;

/** What an {@link AwsKeystore} is made of. */
export interface AwsParts {
  /** Endpoint or region, for the banner. */
  readonly place: string;
  readonly secrets: Secrets;
  readonly env: AwsEnvironment;
  readonly warn: (message: string) => void;
  /** Name that is asked for to see whether keys can be read. */
  readonly probe: string;
}

export class AwsKeystore implements Keystore {
  readonly description: string;
  readonly abilities: KeystoreAbilities;
  readonly #parts: AwsParts;
  readonly #versions: Versions;
  readonly #pages: Pages;
  #closed = false;
  #hasWarned = false;

  constructor(parts: AwsParts) {
    const { secrets, env, warn, place } = parts;
    this.#parts = parts;
    this.#versions = new Versions(secrets, warn);
    this.#pages = new Pages(secrets, () => env.now());
    this.description = `AWS SecretsManager: ${place}`;
    this.abilities = {
      atomicCreate: true,
      // A secret cannot be written on the condition that it holds a certain value.
      replace: false,
      durable: true,
      // AWS says nothing of a missing secret when it is told to delete at once.
      reportsMissingDelete: secrets.recoveryWindowDays > 0,
    };
  }

  async status(signal?: AbortSignal): Promise<void> {
    const { secrets, probe } = this.#parts;
    await this.#reading(signal, async () => {
      const options = { attempts: STATUS_ATTEMPTS, ...(signal === undefined ? {} : { signal }) };
      await secrets.ask(probe, options).catch((error: unknown) => {
        // Whatever is said about that name: it could be asked for.
        if (failedAs(error, "absent", "valueless", "deleted")) return;
        if (!failedAs(error, "denied") || probe !== PROBE) throw error;
        // A policy narrowed to the names of the keys, as KES got along with, proves nothing against them.
        this.#warnOfProbe(error);
      });
    });
  }

  #warnOfProbe(error: AwsFailure): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    this.#parts.warn(
      `${error.message}; until '${PROBE}' may be asked for, or 'status.probe' names a secret that may, ` +
        "a missing permission for the keys is not noticed before they are used",
    );
  }

  async create(name: KeyName, value: Uint8Array, signal?: AbortSignal): Promise<void> {
    checkName(name);
    checkValue(value);
    const { secrets, env } = this.#parts;
    const secret = { name, stored: storedOf(value), versionId: newVersionId(env.randomId()) };
    await this.#changing(signal, () => createSecret(secrets, secret, () => this.#closed));
  }

  async get(name: KeyName, signal?: AbortSignal): Promise<Uint8Array> {
    checkName(name);
    return this.#reading(signal, async () => {
      try {
        return (await this.#versions.read(name, signal)).value;
      } catch (error) {
        throw absenceOf(name, error);
      }
    });
  }

  async replace(): Promise<void> {
    if (this.#closed) throw closedError();
    throw unusable("aws: values cannot be replaced: Secrets Manager does not compare before it writes");
  }

  async delete(name: KeyName, signal?: AbortSignal): Promise<void> {
    checkName(name);
    await this.#changing(signal, () => deleteSecret(this.#parts.secrets, name, () => this.#closed));
  }

  async list(options: ListOptions, signal?: AbortSignal): Promise<KeystorePage> {
    return this.#reading(signal, () => this.#pages.page(options, signal));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    // Ends the connections too: the client destroys its handler.
    this.#parts.secrets.calls.client.destroy();
  }

  /** A change runs to its end once it has begun, also when the caller has gone: only so its outcome can be known. */
  async #changing(signal: AbortSignal | undefined, change: () => Promise<void>): Promise<void> {
    if (this.#closed) throw closedError();
    await abortable(signal, this.description, async (call) => {
      try {
        await call.commit(change);
      } catch (error) {
        throw this.#closed && isKesError(error, "KEYSTORE_UNREACHABLE") ? closedError() : error;
      } finally {
        this.#pages.forget();
      }
    });
  }

  #reading<T>(signal: AbortSignal | undefined, task: () => Promise<T>): Promise<T> {
    if (this.#closed) throw closedError();
    return abortable(signal, this.description, async () => {
      try {
        return await task();
      } catch (error) {
        throw this.#closed ? closedError() : outage(error);
      }
    });
  }
}
