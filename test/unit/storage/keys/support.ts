/** Key services for tests: several named keys in memory, and one that counts calls. */
import { secureRandom } from "../../../../src/crypto/random.js";
import type {
  GeneratedDek,
  KeyCallOptions,
  KeyService,
  KeyServiceStatus,
} from "../../../../src/storage/keys/key-service.js";
import { StaticKeyService } from "../../../../src/storage/keys/static-key.js";
import { sseError } from "../../../../src/storage/sse/errors.js";
import type { KmsContext } from "../../../../src/storage/sse/kms-context.js";
import type { Stepper } from "../../../support/interleaving.js";

/** As a key server: keys are created and missing. The first name is the default. */
export class SeveralKeys implements KeyService {
  readonly defaultKey: string;
  /** Every plaintext DEK that was handed out. */
  readonly given: Buffer[] = [];
  readonly #keys = new Map<string, StaticKeyService>();
  #bindsContext = true;

  constructor(defaultKey: string, ...others: readonly string[]) {
    this.defaultKey = defaultKey;
    for (const name of [defaultKey, ...others]) this.#add(name);
  }

  /** The same, but for contexts: they are ignored, as by a transit key without derivation. */
  withoutContext(): SeveralKeys {
    const careless = new SeveralKeys(this.defaultKey, ...this.#keys.keys());
    careless.#bindsContext = false;
    return careless;
  }

  async generate(keyName = this.defaultKey, context: KmsContext): Promise<GeneratedDek> {
    const dek = await this.#key(keyName).generate(keyName, this.#bound(context));
    this.given.push(dek.plaintext);
    return dek;
  }

  async decrypt(keyName: string, ciphertext: Uint8Array, context: KmsContext): Promise<Buffer> {
    const dek = await this.#key(keyName).decrypt(keyName, ciphertext, this.#bound(context));
    this.given.push(dek);
    return dek;
  }

  async createKey(keyName: string): Promise<void> {
    if (this.#keys.has(keyName)) throw sseError("KMS_KEY_EXISTS");
    this.#add(keyName);
  }

  remove(keyName: string): void {
    this.#keys.delete(keyName);
  }

  async status(): Promise<KeyServiceStatus> {
    return { name: "KES", defaultKey: this.defaultKey, endpoints: [] };
  }

  async close(): Promise<void> {}

  #add(name: string): void {
    this.#keys.set(name, new StaticKeyService(name, secureRandom(32)));
  }

  #key(name: string): StaticKeyService {
    const key = this.#keys.get(name);
    if (key === undefined) throw sseError("KMS_KEY_NOT_FOUND");
    return key;
  }

  #bound(context: KmsContext): KmsContext {
    return this.#bindsContext ? context : {};
  }
}

/** Counts what is asked of another one. */
export class CountingKeyService implements KeyService {
  readonly calls: string[] = [];
  readonly names: (string | undefined)[] = [];
  readonly contexts: KmsContext[] = [];
  readonly #keys: KeyService;

  constructor(keys: KeyService) {
    this.#keys = keys;
  }

  get defaultKey(): string {
    return this.#keys.defaultKey;
  }

  generate(
    keyName: string | undefined,
    context: KmsContext,
    options?: KeyCallOptions,
  ): Promise<GeneratedDek> {
    this.calls.push("generate");
    this.names.push(keyName);
    this.contexts.push(context);
    return this.#keys.generate(keyName, context, options);
  }

  decrypt(
    keyName: string,
    ciphertext: Uint8Array,
    context: KmsContext,
    options?: KeyCallOptions,
  ): Promise<Buffer> {
    this.calls.push("decrypt");
    return this.#keys.decrypt(keyName, ciphertext, context, options);
  }

  createKey(keyName: string, options?: KeyCallOptions): Promise<void> {
    this.calls.push("createKey");
    return this.#keys.createKey(keyName, options);
  }

  status(options?: KeyCallOptions): Promise<KeyServiceStatus> {
    return this.#keys.status(options);
  }

  close(): Promise<void> {
    return this.#keys.close();
  }
}

/** The calls of a key service as steps. */
export class SteppedKeys implements KeyService {
  readonly #keys: KeyService;
  readonly #stepper: Stepper;

  constructor(keys: KeyService, stepper: Stepper) {
    this.#keys = keys;
    this.#stepper = stepper;
  }

  get defaultKey(): string {
    return this.#keys.defaultKey;
  }

  async generate(...args: Parameters<KeyService["generate"]>) {
    await this.#stepper.step("generate");
    return this.#keys.generate(...args);
  }

  async decrypt(...args: Parameters<KeyService["decrypt"]>) {
    await this.#stepper.step("decrypt");
    return this.#keys.decrypt(...args);
  }

  createKey(name: string): Promise<void> {
    return this.#keys.createKey(name);
  }

  status() {
    return this.#keys.status();
  }

  async close(): Promise<void> {}
}
