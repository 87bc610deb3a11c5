/** The access keys of a server: the root's, and further ones that may change while it runs. */
import type { Rights } from "../s3/rights.js";
import { type Credential, type Credentials, SecretCredential } from "../s3/signature/credentials.js";

/** An access key as it is configured. */
export interface AccessKeyEntry {
  readonly accessKey: string;
  readonly secret: string;
  readonly rights: Rights;
}

/** MinIO's bounds; a shorter secret can be guessed from one signed request. */
const MIN_ACCESS_KEY = 3;
const MAX_ACCESS_KEY = 128;
const MIN_SECRET = 8;
const MAX_SECRET = 256;
/** What every scanner tries first. */
const DEFAULT_SECRETS = new Set(["minioadmin", "minio123", "password", "changeme"]);

/** Why a name cannot be an access key; undefined when it can. */
export function accessKeyFault(accessKey: string): string | undefined {
  const size = accessKey.length;
  if (size < MIN_ACCESS_KEY || size > MAX_ACCESS_KEY) {
    return `has ${MIN_ACCESS_KEY} to ${MAX_ACCESS_KEY} characters`;
  }
  // A comma or an equals sign would end the field in a signature.
  return /^[\x21-\x7e]+$/.test(accessKey) && !/[,=]/.test(accessKey)
    ? undefined
    : "is made of visible ASCII characters, without ',' and '='";
}

/** Why a text cannot be a secret; undefined when it can. Never quotes it. */
export function secretFault(secret: string): string | undefined {
  if (secret.length < MIN_SECRET) return `has at least ${MIN_SECRET} characters`;
  if (secret.length > MAX_SECRET) return `has at most ${MAX_SECRET} characters`;
  return DEFAULT_SECRETS.has(secret) ? "must not be one that everybody knows" : undefined;
}

export class AccessKeys implements Credentials {
  readonly #root: Credential;
  readonly #rootSecret: string;
  #others: ReadonlyMap<string, Credential>;

  constructor(
    root: { readonly accessKey: string; readonly secret: string },
    others: readonly AccessKeyEntry[] = [],
  ) {
    this.#root = new SecretCredential(root.accessKey, root.secret, { canWrite: true });
    this.#rootSecret = root.secret;
    this.#others = credentialsOf(others);
  }

  find(accessKey: string): Credential | undefined {
    return accessKey === this.#root.accessKey ? this.#root : this.#others.get(accessKey);
  }

  isRoot(credential: Credential): boolean {
    return credential === this.#root;
  }

  /** Whether a check with the root's secret holds; the check must not keep it. */
  isRootToken(check: (secret: string, accessKey: string) => boolean): boolean {
    return check(this.#rootSecret, this.#root.accessKey);
  }

  /** Puts others in the place of all but the root's; requests under way go on. */
  replace(others: readonly AccessKeyEntry[]): void {
    this.#others = credentialsOf(others);
  }
}

function credentialsOf(entries: readonly AccessKeyEntry[]): ReadonlyMap<string, Credential> {
  return new Map(
    entries.map(({ accessKey, secret, rights }) => [
      accessKey,
      new SecretCredential(accessKey, secret, rights),
    ]),
  );
}
