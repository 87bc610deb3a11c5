/** Identities as the configuration writes them: a hash, an API key, or the path of a certificate file. */
import { resolve } from "node:path";
import { type Identity, identity as toIdentity } from "../names.js";
import type { IdentityUse } from "./assigned.js";
import type { WatchedCertificate } from "./config.js";
import type { LoadContext } from "./context.js";
import type { Place } from "./faults.js";
import type { Scope } from "./scope.js";
import { readTextFile, TextFileError } from "./text-file.js";

/** An identity; a text that can be none; or undefined when a fault was reported. */
export type ReadIdentity =
  | { readonly kind: "identity"; readonly identity: Identity }
  | { readonly kind: "text"; readonly mistyped: boolean };

/** A certificate, and where the configuration names it. */
export interface PlacedCertificate extends WatchedCertificate {
  readonly place: Place;
}

/** Reads identities and remembers the certificates they came from. */
export class IdentityReader {
  readonly #context: LoadContext;
  readonly #certificates: PlacedCertificate[] = [];
  readonly #uses: IdentityUse[] = [];

  constructor(context: LoadContext) {
    this.#context = context;
  }

  /** Certificates met so far, one for each place where one is used. */
  get certificates(): readonly PlacedCertificate[] {
    return this.#certificates;
  }

  /** Every identity that was read, in that order. */
  get uses(): readonly IdentityUse[] {
    return this.#uses;
  }

  /**
   * @param scope - of the value, for faults
   * @param use - what the identity is for: `admin`, `policy.minio`
   */
  async read(text: string, scope: Scope, use: string): Promise<ReadIdentity | undefined> {
    const read = await this.#read(text, scope, use);
    if (read?.kind === "identity") this.#uses.push({ identity: read.identity, use, placed: scope.placed });
    return read;
  }

  async #read(text: string, scope: Scope, use: string): Promise<ReadIdentity | undefined> {
    const trimmed = text.trim();
    const identity = toIdentity(trimmed.toLowerCase());
    if (identity !== undefined) {
      if (trimmed !== identity) scope.warn("identities are lower-case hex; it is read as if it were");
      return { kind: "identity", identity };
    }
    if (trimmed.startsWith("kes:")) return this.#readApiKey(trimmed, scope);
    if (/[/.]/.test(trimmed)) return this.#readCertificate(trimmed, scope, use);
    return { kind: "text", mistyped: looksLikeHex(trimmed) };
  }

  #readApiKey(text: string, scope: Scope): ReadIdentity | undefined {
    let identity: Identity;
    try {
      identity = this.#context.identities.ofApiKey(text);
    } catch {
      // What the parser says could quote the key.
      scope.error("this is not a valid API key; write the identity that 'kes identity of' prints for it");
      return undefined;
    }
    if (scope.placed.variable === undefined) {
      scope.warn(`an API key is a secret that this file should not hold; write its identity: ${identity}`);
    }
    return { kind: "identity", identity };
  }

  async #readCertificate(path: string, scope: Scope, use: string): Promise<ReadIdentity | undefined> {
    const file = resolve(this.#context.cwd, path);
    const shown = scope.shown(path);
    try {
      const pem = await readTextFile(file);
      const { identity, notAfterMs } = this.#context.identities.ofCertificatePem(pem);
      this.#certificates.push({ file, identity, notAfterMs, use, place: scope.placed.place });
      if (notAfterMs < this.#context.now) {
        const day = new Date(notAfterMs).toISOString().slice(0, 10);
        scope.warn(
          `the certificate '${shown}' expired on ${day}; its holder needs a new one`,
          "certificate-ended",
        );
      }
      return { kind: "identity", identity };
    } catch (error) {
      const reason = error instanceof TextFileError ? error.message : "it holds no certificate in PEM form";
      scope.error(
        `cannot read the certificate file '${shown}': ${reason} ` +
          "(an identity is 64 hex digits, or the path of a certificate relative to the working directory)",
      );
      return undefined;
    }
  }
}

/** Hex digits for the most part, and too many for a word: an identity with a slip in it. */
function looksLikeHex(text: string): boolean {
  const digits = text.replace(/[^0-9a-fA-F]/g, "").length;
  return text.length >= 24 && digits >= text.length * 0.9;
}
