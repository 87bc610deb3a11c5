/** Who may sign requests. */
import { createHmac } from "node:crypto";
import type { Rights } from "../rights.js";

/** An access key with what it may do. Its secret is used here and is shown nowhere. */
export interface Credential {
  readonly accessKey: string;
  readonly rights: Rights;
  /** The key that signs on one day in one region (Signature Version 4), 32 bytes; not to be changed. */
  signingKey(date: string, region: string): Buffer;
}

/** Where access keys are looked up. */
export interface Credentials {
  find(accessKey: string): Credential | undefined;
}

/** A credential of access key and secret. */
export class SecretCredential implements Credential {
  readonly accessKey: string;
  readonly rights: Rights;
  readonly #secret: string;
  /** The key of the day: nearly all requests of one client have the same. */
  #latest: { readonly scope: string; readonly key: Buffer } | undefined;

  constructor(accessKey: string, secret: string, rights: Rights) {
    this.accessKey = accessKey;
    this.rights = rights;
    this.#secret = secret;
  }

  signingKey(date: string, region: string): Buffer {
    const steps = [date, region, SERVICE, TERMINATOR];
    const scope = steps.join("/");
    if (this.#latest?.scope !== scope) {
      const key = steps.reduce<Buffer>(
        (before, step) => hmac(before, step),
        Buffer.from(`AWS4${this.#secret}`),
      );
      this.#latest = { scope, key };
    }
    return this.#latest.key;
  }
}

/** The service that scopes must name. */
export const SERVICE = "s3";
/** The last component of scopes. */
export const TERMINATOR = "aws4_request";

/** HMAC-SHA256 of a text whose characters are bytes. */
export function hmac(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text, "latin1").digest();
}
