/** What a KES operator has on disk: certificates, a configuration file and an fs key folder. Made with openssl. */
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runOk } from "./child-process.js";

/** A private key and its self-signed certificate, as PEM files. */
export interface Credentials {
  readonly keyFile: string;
  readonly certFile: string;
  /** Hex SHA-256 of the certificate's public key info. */
  readonly identity: string;
}

export interface KesSite {
  readonly folder: string;
  readonly configFile: string;
  /** The fs keystore. */
  readonly keyFolder: string;
  readonly server: Credentials;
  readonly admin: Credentials;
  /** May do what MinIO needs, by the policy `minio`. */
  readonly client: Credentials;
  /** May do nothing. */
  readonly stranger: Credentials;
  remove(): Promise<void>;
}

/** Further identities of the policy `minio`, for clients that bring credentials of their own. */
export interface KesSiteOptions {
  readonly clients?: readonly string[];
}

/** Makes a site in a new folder below the system's temporary one. */
export async function makeKesSite(openssl: string, options: KesSiteOptions = {}): Promise<KesSite> {
  const folder = await mkdtemp(join(tmpdir(), "keswick-kes-"));
  const keyFolder = join(folder, "keys");
  const configFile = join(folder, "kes-config.yml");
  await mkdir(keyFolder);
  const [server, admin, client, stranger] = await Promise.all([
    makeCredentials(openssl, folder, "server", "serverAuth"),
    makeCredentials(openssl, folder, "admin", "clientAuth"),
    makeCredentials(openssl, folder, "client", "clientAuth"),
    makeCredentials(openssl, folder, "stranger", "clientAuth"),
  ]);
  const identities = [client.identity, ...(options.clients ?? [])];
  await writeFile(configFile, configuration({ server, admin, keyFolder, identities }));
  return {
    ...{ folder, configFile, keyFolder, server, admin, client, stranger },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

async function makeCredentials(
  openssl: string,
  folder: string,
  name: string,
  usage: "serverAuth" | "clientAuth",
): Promise<Credentials> {
  const keyFile = join(folder, `${name}.key`);
  const certFile = join(folder, `${name}.crt`);
  const requestFile = join(folder, `${name}.cnf`);
  await writeFile(requestFile, certificateRequest(name, usage));
  const kind = usage === "serverAuth" ? ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"] : ["ed25519"];
  const files = ["-config", requestFile, "-keyout", keyFile, "-out", certFile];
  await runOk([openssl, "req", "-x509", "-nodes", "-days", "1", "-newkey", ...kind, ...files]);

  const publicKeyFile = join(folder, `${name}.pub`);
  await runOk([openssl, "pkey", "-in", keyFile, "-pubout", "-outform", "DER", "-out", publicKeyFile]);
  return { keyFile, certFile, identity: await hashFile(publicKeyFile) };
}

/** The same site over a further, empty keystore: for a second server that must see none of the first one's keys. */
export async function withOwnKeys(site: KesSite, name: string): Promise<KesSite> {
  const keyFolder = join(site.folder, `keys-${name}`);
  const configFile = join(site.folder, `kes-config-${name}.yml`);
  const text = await readFile(site.configFile, "utf8");
  await mkdir(keyFolder);
  await writeFile(configFile, text.replace(`path: ${site.keyFolder}`, `path: ${keyFolder}`));
  return { ...site, keyFolder, configFile };
}

/** An API key and its identity. */
export interface ApiKey {
  /** `kes:v1:` and the base64 of a zero byte and 32 bytes of seed. */
  readonly text: string;
  readonly identity: string;
}

/** The Ed25519 seed is the end of its PKCS#8 encoding, RFC 8410 section 7. */
const SEED_BYTES = 32;

/** Makes an API key from an Ed25519 key of openssl's. */
export async function makeApiKey(openssl: string): Promise<ApiKey> {
  const folder = await mkdtemp(join(tmpdir(), "keswick-api-key-"));
  try {
    const [key, pub] = [join(folder, "key"), join(folder, "pub")];
    await runOk([openssl, "genpkey", "-algorithm", "ed25519", "-outform", "DER", "-out", key]);
    await runOk([openssl, "pkey", "-in", key, "-inform", "DER", "-pubout", "-outform", "DER", "-out", pub]);
    const seed = (await readFile(key)).subarray(-SEED_BYTES);
    const text = `kes:v1:${Buffer.concat([Buffer.of(0), seed]).toString("base64")}`;
    return { text, identity: await hashFile(pub) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function hashFile(file: string): Promise<string> {
  return createHash("sha256")
    .update(await readFile(file))
    .digest("hex");
}

/** A file of its own, because the system's openssl.cnf turns self-signed certificates into CA certificates. */
function certificateRequest(name: string, usage: string): string {
  return `[req]
prompt = no
distinguished_name = subject
x509_extensions = extensions
[subject]
CN = ${name}
[extensions]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = ${usage}
subjectAltName = IP:127.0.0.1,DNS:localhost
`;
}

interface ConfigurationParts {
  readonly server: Credentials;
  readonly admin: Credentials;
  readonly keyFolder: string;
  readonly identities: readonly string[];
}

/** KES's own format: the original and ours read the same file. */
function configuration({ server, admin, keyFolder, identities }: ConfigurationParts): string {
  return `version: v1
admin:
  identity: ${admin.identity}
tls:
  key: ${server.keyFile}
  cert: ${server.certFile}
policy:
  minio:
    allow:
    - /v1/key/create/*
    - /v1/key/generate/*
    - /v1/key/decrypt/*
    - /v1/key/describe/*
    - /v1/key/list/*
    - /v1/status
    - /v1/api
    - /v1/metrics
    deny:
    - /v1/key/generate/forbidden*
    identities:
${identities.map((identity) => `    - ${identity}\n`).join("")}cache:
  expiry:
    any: 5m0s
    unused: 30s
log:
  error: on
  audit: off
keystore:
  fs:
    path: ${keyFolder}
`;
}
