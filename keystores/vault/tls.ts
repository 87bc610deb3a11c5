/** TLS towards Vault: from the options, else from the variables that Vault's own tools read. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { pemBlocks, toPem } from "../../src/identity/pem.js";
import type { VaultOptions } from "./config.js";
import type { VaultEnvironment } from "./environment.js";
import type { VaultTls } from "./http.js";

/** Most files that are read below a folder of certificates. */
const MAX_FILES = 1_000;
const MAX_DEPTH = 8;

/** @throws Error naming the option or variable: a CA that cannot be read must never mean "any CA" */
export async function tlsOf(
  options: VaultOptions,
  env: VaultEnvironment,
  warn: (message: string) => void,
): Promise<VaultTls> {
  const { variables } = env;
  const { key, cert, ca } = options.tls ?? {};
  if ((key === undefined) !== (cert === undefined)) {
    const missing = key === undefined ? "private key" : "certificate";
    throw new Error(`kesconf: invalid vault keystore: invalid tls config: no TLS ${missing} provided`);
  }
  const authority = ca ?? (variables.VAULT_CACERT || variables.VAULT_CAPATH || undefined);
  const certFile = cert ?? (variables.VAULT_CLIENT_CERT || undefined);
  const keyFile = key ?? (variables.VAULT_CLIENT_KEY || undefined);
  const isUnchecked = /^(?:1|t|true)$/i.test(variables.VAULT_SKIP_VERIFY ?? "");
  if (isUnchecked) warn("VAULT_SKIP_VERIFY is set: Vault's certificate is not checked");
  return {
    ...(authority === undefined ? {} : { ca: await authorities(authority, env) }),
    ...(certFile === undefined ? {} : { cert: await readFile("tls.cert", certFile, env) }),
    ...(keyFile === undefined ? {} : { key: await readFile("tls.key", keyFile, env) }),
    ...(variables.VAULT_TLS_SERVER_NAME ? { servername: variables.VAULT_TLS_SERVER_NAME } : {}),
    ...(isUnchecked ? { rejectUnauthorized: false } : {}),
  };
}

async function authorities(path: string, env: VaultEnvironment): Promise<readonly string[]> {
  const info = await stat(path).catch((cause: unknown) => {
    throw new Error(`vault: tls.ca: '${path}' cannot be read`, { cause });
  });
  const files = info.isDirectory() ? await filesBelow(path, MAX_DEPTH) : [path];
  const found = new Set<string>();
  for (const file of files.slice(0, MAX_FILES)) {
    const text = await readFile("tls.ca", file, env);
    for (const block of certificatesIn(text, file, !info.isDirectory())) found.add(block);
  }
  if (found.size === 0) throw new Error(`vault: tls.ca: '${path}' holds no PEM certificate`);
  return [...found];
}

/** A folder may hold other files as well; a file that is named must be what it is said to be. */
function certificatesIn(text: string, file: string, isNamed: boolean): readonly string[] {
  try {
    return pemBlocks(text)
      .filter(({ label }) => label === "CERTIFICATE")
      .map(({ label, bytes }) => toPem(label, bytes));
  } catch (cause) {
    if (!isNamed) return [];
    throw new Error(`vault: tls.ca: '${file}' holds no valid PEM certificate`, { cause });
  }
}

async function filesBelow(folder: string, depth: number): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const found: string[] = [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && depth > 0) found.push(...(await filesBelow(path, depth - 1)));
    else if (entry.isFile() || entry.isSymbolicLink()) found.push(path);
  }
  return found;
}

async function readFile(option: string, path: string, env: VaultEnvironment): Promise<string> {
  try {
    return await env.readText(path);
  } catch (cause) {
    throw new Error(`vault: ${option}: '${path}' cannot be read`, { cause });
  }
}
