/** What every TLS handshake of a client needs, made once and made anew when a file behind it changes. */
import { createSecureContext, type SecureContext } from "node:tls";
import { KesError } from "../errors.js";
import type { Identity } from "../names.js";
import type { ClientCertificate, Credentials } from "./credentials.js";
import { readTrust, systemTrust, type Trust, trustStamp } from "./trust.js";

/** The client's side of a handshake. */
export interface Material {
  readonly context: SecureContext;
  /** Milliseconds since the epoch: when the client's certificate ends; infinite without one. */
  readonly notAfterMs: number;
}

export interface MaterialOptions {
  readonly ca: string | undefined;
  /** Beside those of `ca`. */
  readonly addsSystemAuthorities: boolean;
  readonly insecure: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** The same object as long as nothing changed: connections and TLS sessions belong to one. */
export class MaterialSource {
  readonly #credentials: Credentials;
  readonly #options: MaterialOptions;
  #trust: Trust | undefined;
  #certificate: ClientCertificate | undefined;
  #material: Material | undefined;
  #pending: Promise<Material> | undefined;

  constructor(credentials: Credentials, options: MaterialOptions) {
    this.#credentials = credentials;
    this.#options = options;
  }

  get identity(): Identity | undefined {
    return this.#certificate?.identity ?? this.#credentials.identity;
  }

  /** What the last connection was made with. */
  get latest(): Material | undefined {
    return this.#material;
  }

  /** For a new connection. @throws KesError `CREDENTIALS_INVALID`, `CLIENT_OPTIONS_INVALID` */
  current(): Promise<Material> {
    this.#pending ??= this.#refresh().finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }

  async #refresh(): Promise<Material> {
    const certificate = await this.#credentials.current();
    const trust = await this.#readTrust();
    if (this.#material !== undefined && certificate === this.#certificate && trust === this.#trust) {
      return this.#material;
    }
    this.#material = {
      context: contextOf(certificate, trust.ca),
      notAfterMs: certificate?.notAfterMs ?? Number.POSITIVE_INFINITY,
    };
    this.#certificate = certificate;
    this.#trust = trust;
    return this.#material;
  }

  async #readTrust(): Promise<Trust> {
    const { ca, insecure, environment } = this.#options;
    const known = this.#trust;
    if (known !== undefined && (insecure || ca === undefined || known.stamp === "text")) return known;
    if (insecure) return { ca: [], stamp: "" };
    if (ca === undefined) return { ca: await systemTrust(environment), stamp: "" };
    if (known === undefined) return this.#readNamed(ca);
    // While an authority is being exchanged its file may be missing or half written: then the known one goes on.
    const stamp = await trustStamp(ca).catch(() => known.stamp);
    return stamp === known.stamp ? known : this.#readNamed(ca).catch(() => known);
  }

  async #readNamed(ca: string): Promise<Trust> {
    const { addsSystemAuthorities, environment } = this.#options;
    const named = await readTrust(ca);
    if (!addsSystemAuthorities) return named;
    return { ca: [...named.ca, ...(await systemTrust(environment))], stamp: named.stamp };
  }
}

function contextOf(certificate: ClientCertificate | undefined, ca: readonly string[]): SecureContext {
  try {
    return createSecureContext({
      // An empty list means nobody; without the member it would be Node's own authorities.
      ca: ca.join("") === "" ? [] : ca.join(""),
      minVersion: "TLSv1.2",
      ...(certificate === undefined ? {} : { cert: certificate.cert, key: certificate.key }),
    });
  } catch (cause) {
    throw new KesError("CREDENTIALS_INVALID", ["key or certificate is of a kind that TLS cannot use"], {
      cause,
    });
  }
}
