/** Whom server certificates are checked against. */
import { constants } from "node:fs";
import { access, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { KesError } from "../errors.js";
import { MAX_PEM_CHARS, PemError, pemBlocks, toPem } from "../identity/pem.js";
import { PemFileError, readPemFile } from "../identity/pem-file.js";

type Environment = Readonly<Record<string, string | undefined>>;

/** Authorities, and a text that differs when they do. */
export interface Trust {
  /** PEM, every certificate once. */
  readonly ca: readonly string[];
  readonly stamp: string;
}

// Where Go's crypto/x509 looks, in its order.
const SYSTEM_FILES = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/pki/tls/cacert.pem",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/cert.pem",
];
const SYSTEM_FOLDERS = ["/etc/ssl/certs", "/etc/pki/tls/certs"];
/** Most files that are read of a folder. */
const MAX_FILES = 4_096;

/**
 * The authorities of `ca`, see {@link ClientOptions.ca}.
 * @throws KesError `CLIENT_OPTIONS_INVALID` when there is no certificate
 */
export async function readTrust(ca: string): Promise<Trust> {
  if (ca.includes("-----BEGIN")) return { ca: certificatesIn(ca, "the text"), stamp: "text" };
  const info = await stat(ca).catch((cause: NodeJS.ErrnoException) => {
    throw invalid(`CA '${ca}': ${cause.code === "ENOENT" ? "no such file or folder" : cause.code}`, cause);
  });
  if (!info.isDirectory()) return { ca: certificatesIn(await read(ca), `'${ca}'`), stamp: stampOf(info) };
  const found = await readFolder(ca);
  if (found.ca.length === 0) throw invalid(`CA folder '${ca}' has no file with a PEM certificate`);
  return found;
}

/** A text that changes when the file or folder at `ca` does. */
export async function trustStamp(ca: string): Promise<string> {
  return stampOf(await stat(ca));
}

/**
 * The system's authorities: `SSL_CERT_FILE`, or the first file that Go would take; with `SSL_CERT_DIR`, or when there
 * is no file, also folders. `NODE_EXTRA_CA_CERTS` is added. A system that has none, or is none of Unix's, gets
 * those that Node.js brings.
 */
export async function systemTrust(environment: Environment): Promise<readonly string[]> {
  const { SSL_CERT_FILE: file, SSL_CERT_DIR: folders, NODE_EXTRA_CA_CERTS: extra } = environment;
  const bundle = file ? file : await firstReadable(SYSTEM_FILES);
  const found = new Set<string>();
  const add = (list: readonly string[]): void => {
    for (const one of list) found.add(one);
  };
  if (bundle !== undefined) add(await certificatesOf(bundle));
  if (folders) for (const folder of folders.split(":")) add((await readFolder(folder)).ca);
  else if (bundle === undefined) for (const folder of SYSTEM_FOLDERS) add((await readFolder(folder)).ca);
  // With its line break: of texts joined without one, TLS reads the first alone.
  if (found.size === 0) add(rootCertificates.map((pem) => `${pem.trim()}\n`));
  if (extra) add(await certificatesOf(extra));
  return [...found];
}

async function firstReadable(files: readonly string[]): Promise<string | undefined> {
  for (const file of files) {
    const isReadable = await access(file, constants.R_OK).then(
      () => true,
      () => false,
    );
    if (isReadable) return file;
  }
  return undefined;
}

/** Files without certificates are passed over: such folders hold READMEs, revocation lists and stray links. */
async function readFolder(folder: string): Promise<Trust> {
  const names = (await readdir(folder).catch(() => [])).sort().slice(0, MAX_FILES);
  const ca = new Set<string>();
  // Such folders hold each file under its name, under its hash, and all of them in one.
  const seen = new Set<string>();
  for (const name of names) {
    const file = join(folder, name);
    const info = await stat(file).catch(() => undefined);
    const id = `${info?.dev}:${info?.ino}`;
    if (!info?.isFile() || info.size > MAX_PEM_CHARS || seen.has(id)) continue;
    seen.add(id);
    for (const pem of certificatesOrNone(await readFile(file, "latin1").catch(() => ""))) ca.add(pem);
  }
  const stamp = await stat(folder).then(stampOf, () => "missing");
  return { ca: [...ca], stamp };
}

/** Of a file of the system; none when it cannot be read. */
async function certificatesOf(file: string): Promise<readonly string[]> {
  try {
    return certificatesOrNone(await readPemFile(file));
  } catch (cause) {
    if (cause instanceof PemFileError) return [];
    throw cause;
  }
}

function certificatesOrNone(text: string): readonly string[] {
  try {
    return blocksIn(text);
  } catch (cause) {
    if (cause instanceof PemError) return [];
    throw cause;
  }
}

async function read(file: string): Promise<string> {
  try {
    return await readPemFile(file);
  } catch (cause) {
    if (cause instanceof PemFileError) throw invalid(`CA '${file}': ${cause.message}`, cause);
    throw cause;
  }
}

function certificatesIn(text: string, what: string): readonly string[] {
  try {
    const found = blocksIn(text);
    if (found.length > 0) return found;
  } catch (cause) {
    if (!(cause instanceof PemError)) throw cause;
  }
  throw invalid(`CA: ${what} has no PEM certificate`);
}

function blocksIn(text: string): readonly string[] {
  return pemBlocks(text)
    .filter(({ label }) => label === "CERTIFICATE")
    .map(({ bytes }) => toPem("CERTIFICATE", bytes));
}

function stampOf(info: { mtimeMs: number; size: number; ino: number }): string {
  return `${info.mtimeMs}:${info.size}:${info.ino}`;
}

function invalid(reason: string, cause?: unknown): KesError {
  return new KesError("CLIENT_OPTIONS_INVALID", [reason], { cause });
}
