/** Who the client is: an API key, a pair of files, or nobody. */
import { X509Certificate } from "node:crypto";
import { stat } from "node:fs/promises";
import { KesError } from "../errors.js";
import { ApiKey, ApiKeyError } from "../identity/api-key.js";
import { CertificateError, certificatesOfPem, inspectCertificate } from "../identity/certificate.js";
import { clientCertificate } from "../identity/client-certificate.js";
import { toPem } from "../identity/pem.js";
import { PemFileError, readPemFile } from "../identity/pem-file.js";
import { PrivateKeyError, privateKeyOfPem } from "../identity/private-key.js";
import type { Identity } from "../names.js";
import type { Clock } from "./clock.js";
import type { ClientOptions } from "./options.js";

/** What the client shows in the TLS handshake. */
export interface ClientCertificate {
  /** PEM, the client's own first, then its chain. */
  readonly cert: string;
  /** PKCS#8 PEM, decrypted. Secret. */
  readonly key: string;
  readonly identity: Identity;
  /** Milliseconds since the epoch. */
  readonly notAfterMs: number;
}

/** Gives the certificate for each new connection; the same object as long as it did not change. */
export interface Credentials {
  /** Known before the first connection only for an API key. */
  readonly identity: Identity | undefined;
  /** @throws KesError `CREDENTIALS_INVALID` */
  current(): Promise<ClientCertificate | undefined>;
}

/** @throws KesError `CREDENTIALS_INVALID` for what can be seen without reading files */
export function credentialsOf(options: ClientOptions, clock: Clock, certificateMs: number): Credentials {
  const { apiKey, certificate, key, password } = options;
  if (apiKey !== undefined) {
    if (certificate !== undefined)
      throw invalid("API key and certificate file cannot be used at the same time");
    if (key !== undefined) throw invalid("API key and private key file cannot be used at the same time");
    return new ApiKeyCredentials(apiKeyOf(apiKey), clock, certificateMs);
  }
  if (certificate === undefined && key === undefined) return NOBODY;
  if (certificate === undefined) throw invalid("a private key is given, but no certificate");
  if (key === undefined) throw invalid("a certificate is given, but no private key");
  return new PemCredentials(certificate, key, password, clock);
}

const NOBODY: Credentials = { identity: undefined, current: async () => undefined };

/** Clocks of clients are wrong by an hour more often than by anything else. */
const BACKDATED_MS = 3_600_000;

/** A certificate made on the fly, made anew after half of its life. */
class ApiKeyCredentials implements Credentials {
  readonly #apiKey: ApiKey;
  readonly #clock: Clock;
  readonly #certificateMs: number;
  #made: ClientCertificate | undefined;
  #renewAtMs = 0;

  constructor(apiKey: ApiKey, clock: Clock, certificateMs: number) {
    this.#apiKey = apiKey;
    this.#clock = clock;
    this.#certificateMs = certificateMs;
  }

  get identity(): Identity {
    return this.#apiKey.identity;
  }

  async current(): Promise<ClientCertificate> {
    const nowMs = this.#clock.wallNow();
    const made = this.#made;
    // A clock that was set back would leave a certificate that is not valid yet.
    const isYoung = made !== undefined && nowMs < this.#renewAtMs;
    if (isYoung && nowMs > made.notAfterMs - this.#certificateMs - BACKDATED_MS) return made;
    const notAfterMs = nowMs + this.#certificateMs;
    const der = clientCertificate(this.#apiKey, { notBeforeMs: nowMs - BACKDATED_MS, notAfterMs });
    this.#renewAtMs = nowMs + this.#certificateMs / 2;
    this.#made = {
      cert: toPem("CERTIFICATE", der),
      key: this.#apiKey.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
      identity: this.#apiKey.identity,
      notAfterMs,
    };
    return this.#made;
  }
}

/** PEM texts or files; files are read again when they changed. */
class PemCredentials implements Credentials {
  readonly #certificate: string;
  readonly #key: string;
  readonly #clock: Clock;
  readonly #askPassword: ClientOptions["password"];
  #password: string | undefined;
  #read: ClientCertificate | undefined;
  #stamp = "";
  #reading: Promise<ClientCertificate> | undefined;

  constructor(certificate: string, key: string, password: ClientOptions["password"], clock: Clock) {
    this.#certificate = certificate;
    this.#key = key;
    this.#askPassword = password;
    this.#clock = clock;
  }

  get identity(): Identity | undefined {
    return this.#read?.identity;
  }

  current(): Promise<ClientCertificate> {
    // One at a time: the password is asked for once, however many connections wait for it.
    this.#reading ??= this.#refresh().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #refresh(): Promise<ClientCertificate> {
    const known = this.#read;
    try {
      const stamp = `${await stampOf(this.#certificate)} ${await stampOf(this.#key)}`;
      if (known !== undefined && stamp === this.#stamp) return known;
      this.#read = await this.#load();
      this.#stamp = stamp;
      return this.#read;
    } catch (cause) {
      // Between the two writes of a renewal the files do not belong together. What was good goes on until its
      // end; the stamp stays the old one, so that the next connection looks again.
      if (known !== undefined && known.notAfterMs > this.#clock.wallNow()) return known;
      throw cause;
    }
  }

  async #load(): Promise<ClientCertificate> {
    const [cert, keyText] = [await textOf(this.#certificate), await textOf(this.#key)];
    const [certName, keyName] = [nameOf(this.#certificate, "certificate"), nameOf(this.#key, "private key")];
    const key = await this.#open(keyText, keyName);
    try {
      const chain = certificatesOfPem(cert);
      const { identity, notAfterMs } = inspectCertificate(chain[0]);
      if (!new X509Certificate(chain[0]).checkPrivateKey(key)) {
        throw invalid(`the ${certName} does not belong to the ${keyName}`);
      }
      return {
        cert: chain.map((der) => toPem("CERTIFICATE", der)).join(""),
        key: key.export({ type: "pkcs8", format: "pem" }).toString(),
        identity,
        notAfterMs,
      };
    } catch (cause) {
      if (cause instanceof KesError) throw cause;
      const reason = cause instanceof CertificateError ? cause.message : "invalid certificate";
      throw invalid(`${certName}: ${reason}`);
    }
  }

  async #open(text: string, name: string): Promise<ReturnType<typeof privateKeyOfPem>> {
    const isEncrypted = /^-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type:.*ENCRYPTED/m.test(text);
    if (isEncrypted && this.#password === undefined) {
      this.#password =
        typeof this.#askPassword === "function" ? await this.#askPassword() : this.#askPassword;
    }
    try {
      return privateKeyOfPem(text, this.#password);
    } catch (cause) {
      if (!(cause instanceof PrivateKeyError)) throw cause;
      // The next attempt may ask again.
      this.#password = undefined;
      throw invalid(`${name}: ${cause.message.replace(/^https: /, "")}`);
    }
  }
}

function apiKeyOf(apiKey: ApiKey | string): ApiKey {
  if (typeof apiKey !== "string") return apiKey;
  try {
    return ApiKey.parse(apiKey);
  } catch (cause) {
    if (cause instanceof ApiKeyError) throw invalid(`parsing API key: ${cause.message}`);
    throw cause;
  }
}

function isText(source: string): boolean {
  return source.includes("-----BEGIN");
}

function nameOf(source: string, what: string): string {
  return isText(source) ? what : `${what} '${source}'`;
}

async function textOf(source: string): Promise<string> {
  if (isText(source)) return source;
  try {
    return await readPemFile(source);
  } catch (cause) {
    if (cause instanceof PemFileError) throw invalid(`'${source}': ${cause.message}`);
    throw cause;
  }
}

async function stampOf(source: string): Promise<string> {
  if (isText(source)) return "text";
  // A missing file is told about by whoever reads it.
  return stat(source).then(
    ({ mtimeMs, size, ino }) => `${mtimeMs}:${size}:${ino}`,
    () => "missing",
  );
}

function invalid(reason: string): KesError {
  return new KesError("CREDENTIALS_INVALID", [reason]);
}
