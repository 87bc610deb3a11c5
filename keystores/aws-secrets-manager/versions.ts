/**
 * Which version of a secret is the key.
 *
 * KES reads whatever is labelled `AWSCURRENT`, so a value that somebody puts into a secret, or a rotation that somebody
 * sets up, silently becomes the key. AWS lets the caller of a create choose the id of the version: ours begin with a
 * mark, and a secret that has a version with the mark is that version, wherever the label is. A secret without one
 * was made by KES or by hand, and there the label decides, as it did for the data that KES sealed.
 */
import { KesError } from "../../src/errors.js";
import { unusable } from "../../src/keystore/faults.js";
import type { KeyName } from "../../src/names.js";
import { failedAs } from "./failure.js";
import type { Secrets, SecretVersion } from "./secrets.js";

const MARK = "keswick-";
/** Versions that are known not to be ours, so that a secret of KES costs one more call once and not at each read. */
const MAX_KNOWN = 10_000;

/** The id of the version that a create makes. @param unique - a UUID; with the mark 44 of the 64 characters allowed */
export function newVersionId(unique: string): string {
  return MARK + unique;
}

export class Versions {
  readonly #secrets: Secrets;
  readonly #warn: (message: string) => void;
  /** Name to the id of the version that is its key. What a version holds never changes. */
  readonly #known = new Map<KeyName, string>();

  constructor(secrets: Secrets, warn: (message: string) => void) {
    this.#secrets = secrets;
    this.#warn = warn;
  }

  /** The version of `name` that is the key. @throws AwsFailure, KesError; the signal's reason */
  async read(name: KeyName, signal: AbortSignal | undefined): Promise<SecretVersion> {
    const options = signal === undefined ? {} : { signal };
    const current = await this.#secrets.value(name, {}, options);
    if (current.versionId.startsWith(MARK) || this.#known.get(name) === current.versionId) return current;
    const previous = await this.#previous(name, options);
    if (previous === undefined) return this.#remember(name, current);
    if (previous.versionId.startsWith(MARK)) return this.#moved(name, previous);
    const ours = await this.#ours(name, options);
    if (ours !== undefined) return this.#moved(name, ours);
    this.#warn(
      `aws: AWSCURRENT of the secret '${name}' was moved from version ${previous.versionId} to ` +
        `${current.versionId}, which is served as KES does: was that a rotation? What was encrypted before cannot ` +
        "be decrypted",
    );
    return this.#remember(name, current);
  }

  /** The version that was `AWSCURRENT` before, if there is one: AWS keeps that label by itself. */
  async #previous(name: KeyName, options: { signal?: AbortSignal }): Promise<SecretVersion | undefined> {
    try {
      return await this.#secrets.value(name, { VersionStage: "AWSPREVIOUS" }, options);
    } catch (error) {
      if (failedAs(error, "valueless", "absent")) return undefined;
      if (!failedAs(error, "denied")) throw error;
      this.#warn(
        `aws: the IAM policy hides the earlier version of '${name}': whether somebody changed it is unknown`,
      );
      return undefined;
    }
  }

  /** The version that our create made, when neither of the labels is on it any more. */
  async #ours(name: KeyName, options: { signal?: AbortSignal }): Promise<SecretVersion | undefined> {
    let ids: readonly string[];
    try {
      ids = await this.#secrets.versionIds(name, options);
    } catch (error) {
      if (!failedAs(error, "denied")) throw error;
      throw unusable(
        `aws: the value of '${name}' was changed at least once: to tell which version is the key the IAM policy must ` +
          "allow secretsmanager:ListSecretVersionIds",
      );
    }
    const id = ids.find((each) => each.startsWith(MARK));
    if (id === undefined) return undefined;
    try {
      return await this.#secrets.value(name, { VersionId: id }, options);
    } catch (error) {
      if (!failedAs(error, "valueless", "absent")) throw error;
      throw unusable(`aws: version ${id} of '${name}', which is the key, is gone: restore it from a backup`);
    }
  }

  #moved(name: KeyName, key: SecretVersion): SecretVersion {
    this.#warn(
      `aws: AWSCURRENT of the secret '${name}' was moved; its version ${key.versionId} is the key and is served. KES ` +
        "would take the other: move the label back, and look who rotates it",
    );
    return key;
  }

  #remember(name: KeyName, version: SecretVersion): SecretVersion {
    if (this.#known.size >= MAX_KNOWN) {
      for (const oldest of this.#known.keys()) {
        this.#known.delete(oldest);
        break;
      }
    }
    this.#known.set(name, version.versionId);
    return version;
  }
}

/** What reading a key that is not there, or not any more, means. */
export function absenceOf(name: KeyName, error: unknown): unknown {
  if (failedAs(error, "absent", "deleted")) return new KesError("KEY_NOT_FOUND");
  if (failedAs(error, "valueless")) {
    return unusable(
      `aws: the secret '${name}' is there and has no version labelled AWSCURRENT: set the label`,
    );
  }
  return error;
}
