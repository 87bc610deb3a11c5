/** TLS settings: made from the configuration, swapped while the server runs (KES reference §1.1, §1.2). */
import { createHash, X509Certificate } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { createSecureContext, rootCertificates, type SecureContext } from "node:tls";
import type { TlsConfig } from "../config/config.js";
import { ConfigError } from "../errors.js";
import { readServerCredentials } from "../identity/server-credentials.js";
import { ticketKeys } from "./ticket-keys.js";

/** What a new connection is set up with. */
export interface TlsSettings {
  readonly context: SecureContext;
  /** A handshake without client certificate fails. */
  readonly requireCertificate: boolean;
  /** A client certificate must be issued by a trusted CA. */
  readonly verifyCertificate: boolean;
  /** `tls.ca`, for certificates that proxies forward; undefined when nothing is verified. */
  readonly roots: readonly X509Certificate[] | undefined;
  /** Equal for settings under which a session ticket means the same. */
  readonly ticketScope: string;
  /** End of the server certificate's life, milliseconds since the epoch. */
  readonly notAfterMs: number;
  /** What session tickets are sealed under. Absent where settings are made otherwise. */
  readonly tickets?: {
    readonly secret: Uint8Array;
    /** The same settings with another secret: no session made so far is resumed. */
    readonly renewed: (secret: Uint8Array) => TlsSettings;
  };
}

/** What the files of the section `tls` hold, checked; plain data that can be sent to a worker. */
export interface TlsMaterial {
  /** PKCS#8 PEM, decrypted. Secret. */
  readonly key: string;
  /** PEM, the server's certificate first. */
  readonly cert: string;
  /** End of the server certificate's life, milliseconds since the epoch. */
  readonly notAfterMs: number;
  /** PEM of the CAs that clients are verified against; absent when they are not. */
  readonly authorities?: {
    /** Of `tls.ca`. */
    readonly own: readonly string[];
    readonly system: readonly string[];
  };
}

/** Reads certificate, key and CAs. @throws ConfigError naming the file and the remedy */
export async function readTls(config: TlsConfig): Promise<TlsMaterial> {
  const { key, cert, leaf } = await readServerCredentials({
    keyFile: config.keyFile,
    certFile: config.certFile,
    ...(config.password === undefined ? {} : { password: config.password }),
  });
  const material = { key, cert, notAfterMs: leaf.notAfterMs };
  if (!config.verifyClients) return material;
  const own = config.caPath === undefined ? [] : await readAuthorities(config.caPath);
  return { ...material, authorities: { own, system: await systemRoots() } };
}

/**
 * Equal for settings that let the same clients in. A change of who is let in must not be outlived by old tickets, so
 * that it needs another secret.
 * @param optionalCertificate - some route may be used without identity
 */
export function ticketScopeOf({ authorities }: TlsMaterial, optionalCertificate: boolean): string {
  const mode = JSON.stringify([authorities !== undefined, optionalCertificate, authorities?.own ?? []]);
  return createHash("sha256").update(mode).digest("hex");
}

/**
 * Settings made of what was read.
 * @param optionalCertificate - as in {@link ticketScopeOf}
 * @param secret - for session tickets
 */
export function makeTls(
  material: TlsMaterial,
  optionalCertificate: boolean,
  secret: Uint8Array,
): TlsSettings {
  const { key, cert, notAfterMs, authorities } = material;
  const own = authorities?.own ?? [];
  const ticketScope = ticketScopeOf(material, optionalCertificate);
  return {
    context: createSecureContext({
      key,
      cert,
      minVersion: "TLSv1.2",
      // In mode off no CA list may be sent: clients hold their certificate back when its issuer is not on it.
      ...(authorities === undefined ? {} : { ca: [...authorities.system, ...own] }),
      ticketKeys: ticketKeys(secret, ticketScope),
      // Sessions of clients with certificates are refused without a context of their own.
      sessionIdContext: ticketScope.slice(0, 32),
      honorCipherOrder: true,
    }),
    requireCertificate: !optionalCertificate,
    verifyCertificate: authorities !== undefined,
    roots: authorities === undefined ? undefined : own.map((pem) => new X509Certificate(pem)),
    ticketScope,
    notAfterMs,
    tickets: { secret, renewed: (next) => makeTls(material, optionalCertificate, next) },
  };
}

/** Files that hold the host's trusted CAs, in the order Go's TLS looks for them. */
const SYSTEM_ROOTS = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

async function systemRoots(): Promise<readonly string[]> {
  const file = process.env.SSL_CERT_FILE ?? SYSTEM_ROOTS.find((path) => existsSync(path));
  return file === undefined ? rootCertificates : pemBlocks(await readFile(file, "utf8"));
}

/** CA certificates of a file, or of every file of a folder. */
async function readAuthorities(path: string): Promise<string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return authorities(path, await readFile(path, "utf8"));
    const found: string[] = [];
    for (const entry of (await readdir(path)).sort()) {
      const file = join(path, entry);
      // Kubernetes mounts secrets as links into a folder of their own; those folders are passed over.
      if ((await stat(file)).isDirectory()) continue;
      found.push(...authorities(file, await readFile(file, "utf8")));
    }
    if (found.length === 0) throw caFault(path, "the folder holds no certificate");
    return found;
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    throw caFault(path, cause instanceof Error ? cause.message : String(cause));
  }
}

function authorities(file: string, text: string): string[] {
  const blocks = pemBlocks(text);
  if (blocks.length === 0)
    throw caFault(file, `https: failed to add '${file}' as CA certificate: no valid PEM data`);
  for (const block of blocks) {
    try {
      new X509Certificate(block);
    } catch {
      throw caFault(file, `https: failed to add '${file}' as CA certificate`);
    }
  }
  return blocks;
}

function caFault(file: string, message: string): ConfigError {
  return new ConfigError([
    { file, path: "tls.ca", message: `failed to read TLS CA certificates: ${message}` },
  ]);
}

function pemBlocks(text: string): string[] {
  return text.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
}
