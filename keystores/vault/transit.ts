/** A second encryption by Vault's transit engine (KES keystore reference §6.6, §6.7). */
import { isKesError, KesError } from "../../src/errors.js";
import { unusable } from "../../src/keystore/faults.js";
import { expectSuccess, objectOf } from "./answer.js";
import { networkFault } from "./calls.js";
import { VaultNetworkError } from "./http.js";
import { pathOf } from "./login.js";
import type { VaultSession } from "./session.js";
import { isTransitText } from "./value.js";

/** Where a call is made, besides its path. */
export interface CallScope {
  readonly namespace?: string;
  readonly signal?: AbortSignal;
}

/** Of `min_decryption_version`, in Vault's words. */
const TOO_OLD = /disallowed by policy \(too old\)/;

/** The version of the transit key that made a ciphertext may not open it any more. */
class TooOldError extends Error {
  override readonly name = "TooOldError";
  constructor(request: string) {
    super(
      `vault: ${request}: 400: the ciphertext is older than the transit key's min_decryption_version: lower it, then ` +
        "run 'kes keystore rewrap'",
    );
  }
}

/** True for a refusal because of `min_decryption_version`. */
export function isTooOld(error: unknown): boolean {
  return isKesError(error) && error.cause instanceof TooOldError;
}

export class Transit {
  readonly #session: VaultSession;
  readonly #engine: string;
  readonly #key: string;

  constructor(session: VaultSession, options: { readonly engine: string; readonly key: string }) {
    this.#session = session;
    this.#engine = pathOf(options.engine);
    this.#key = pathOf(options.key);
  }

  /** @returns `vault:vN:…`, of whichever version the transit key has now */
  async wrap(text: string, scope: CallScope): Promise<string> {
    const plaintext = Buffer.from(text, "utf8").toString("base64");
    const ciphertext = await this.#call("encrypt", { plaintext }, "ciphertext", scope);
    if (!isTransitText(ciphertext))
      throw unusable("vault: transit answered with something that is no ciphertext");
    return ciphertext;
  }

  async unwrap(ciphertext: string, scope: CallScope): Promise<string> {
    const plaintext = await this.#call("decrypt", { ciphertext }, "plaintext", scope);
    return Buffer.from(plaintext, "base64").toString("utf8");
  }

  /** The same text under the newest version of the key, which never leaves Vault. @throws KesError as {@link unwrap} */
  async rewrap(ciphertext: string, scope: CallScope): Promise<string> {
    const fresh = await this.#call("rewrap", { ciphertext }, "ciphertext", scope);
    if (!isTransitText(fresh)) throw unusable("vault: transit answered with something that is no ciphertext");
    return fresh;
  }

  async #call(
    operation: "encrypt" | "decrypt" | "rewrap",
    body: object,
    member: string,
    scope: CallScope,
  ): Promise<string> {
    try {
      const path = `${this.#engine}/${operation}/${this.#key}`;
      const answer = await this.#session.send({ method: "POST", path, body, ...scope });
      if (answer.status === 400 && answer.errors.some((each) => TOO_OLD.test(each))) {
        throw new KesError("KEYSTORE_UNAVAILABLE", [], { cause: new TooOldError(answer.request) });
      }
      expectSuccess(answer);
      const value = objectOf(answer.body?.data)?.[member];
      if (typeof value === "string" && value !== "") return value;
      throw unusable(`vault: ${answer.request}: the answer has no '${member}'`);
    } catch (error) {
      throw error instanceof VaultNetworkError ? networkFault(error) : error;
    }
  }
}
