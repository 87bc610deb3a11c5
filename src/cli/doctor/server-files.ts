/** What the files of a server say before it runs: configuration, certificate, keystore, limits. */
import { X509Certificate } from "node:crypto";
import { existsSync } from "node:fs";
import { isIP } from "node:net";
import { resolve } from "node:path";
import {
  certificateEnd,
  error,
  FILE_LIMIT_REMEDY,
  type Finding,
  ok,
  WANTED_FILES,
  warning,
} from "../../api/status/finding.js";
import type { Config } from "../../config/config.js";
import { secureRandom } from "../../crypto/random.js";
import { ConfigError, formatFault, isKesError } from "../../errors.js";
import { certificatesOfPem } from "../../identity/certificate.js";
import { readServerCredentials } from "../../identity/server-credentials.js";
import type { KeystoreOperation } from "../../keystore/adapter.js";
import type { Keystore } from "../../keystore/contract.js";
import type { CommandContext } from "../command.js";
import { type KeystoreSource, readKeystoreSource } from "../keystore/open.js";
import { probeName } from "../keystore/probe-key.js";
import { reasonOf } from "../keystore/reason.js";
import { certificateFindings } from "../policy/certificates.js";
import { findingsOf } from "../policy/findings.js";
import { readPolicyFile } from "../policy/read-file.js";
import { fileFindings, shown } from "./files.js";

/** A call of the keystore that takes longer has failed, for a server would not wait either. */
const CALL_TIMEOUT_MS = 15_000;
const SLOW_KEYSTORE_MS = 250;

export interface ServerFilesOptions {
  /** Files that this process may open; undefined where the system does not tell. */
  readonly maxFiles: number | undefined;
  readonly nowMs: number;
  readonly signal: AbortSignal;
}

/** Everything about the configuration `file` and what it names. Makes nothing in the keystore. */
export async function serverFileFindings(
  context: CommandContext,
  file: string,
  { maxFiles, nowMs, signal }: ServerFilesOptions,
): Promise<readonly Finding[]> {
  const { cwd } = context;
  const read = await configurationFindings(context, file, nowMs);
  const limit = limitFindings(maxFiles);
  if (read.some(({ level }) => level === "error")) return [...read, ...limit];
  const source = await readKeystoreSource(context, file);
  return [
    ...(read.length > 0 ? read : [ok("configuration", `${shown(resolve(cwd, file), cwd)} is well-formed`)]),
    ...(await credentialFindings(source.config, cwd, nowMs)),
    ...(await fileFindings(source.config, cwd)),
    ...(await keystoreFindings(source, signal)),
    ...limit,
  ];
}

/** As `kes policy check` has them, without its notes; without ends of certificates, which have findings here. */
async function configurationFindings(
  context: CommandContext,
  file: string,
  nowMs: number,
): Promise<readonly Finding[]> {
  const isThere = existsSync(resolve(context.cwd, file));
  const { inspection, api } = await readPolicyFile(file, context);
  const ends = await certificateFindings(inspection, nowMs, context.cwd);
  const others = ends.filter(({ path }) => path !== "tls.cert");
  return findingsOf(inspection, api, others)
    .filter(({ severity }) => severity !== "note")
    .map(({ severity, ...fault }) => {
      const place = [shown(resolve(context.cwd, fault.file), context.cwd), fault.line].filter(
        (part) => part !== undefined,
      );
      const name = shown(resolve(context.cwd, file), context.cwd);
      const remedy = isThere
        ? `mend ${place.join(" line ")}, then: kes policy check ${name}`
        : "name the file that the server is started with: kes server --config FILE";
      const message = formatFault({ ...fault, file: place[0] === undefined ? fault.file : String(place[0]) });
      return severity === "error"
        ? error("configuration", message, remedy)
        : warning("configuration", message, remedy);
    });
}

async function credentialFindings(config: Config, cwd: string, nowMs: number): Promise<readonly Finding[]> {
  const { tls, address } = config;
  const [cert, key] = [shown(tls.certFile, cwd), shown(tls.keyFile, cwd)];
  const check = "server certificate";
  let leaf: X509Certificate;
  try {
    const { cert: pem } = await readServerCredentials(tls);
    leaf = new X509Certificate(certificatesOfPem(pem)[0]);
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    const message = cause.faults.map((fault) => `${shown(fault.file, cwd)}: ${fault.message}`).join("; ");
    const remedy =
      `'tls.cert' and 'tls.key' must be a pair: kes identity new --key ${key} --cert ${cert} --dns NAME --ip ADDRESS ` +
      "makes one (--force overwrites)";
    return [error(check, message, remedy)];
  }
  const renew = `kes identity renew ${cert} --key ${key}, or have its CA issue a new one`;
  return [
    certificateEnd(check, `the server's certificate, ${cert},`, Date.parse(leaf.validTo), nowMs, renew),
    ...addressFindings(leaf, address.host, cert, key),
  ];
}

const LOOPBACK = /^(?:localhost|127\.[\d.]+|::1|0:0:0:0:0:0:0:1)$/i;

/** Clients connect to what the server listens on, or to a name of it. */
function addressFindings(leaf: X509Certificate, host: string, cert: string, key: string): readonly Finding[] {
  const names = (leaf.subjectAltName ?? "")
    .split(", ")
    .map((name) => name.replace(/^(?:DNS|IP Address):/, "").replace(/^"|"$/g, ""));
  const again = `kes identity new --key ${key} --cert ${cert} --force`;
  const isOpen = host === "" || host === "0.0.0.0" || host === "::";
  if (isOpen) {
    if (!names.every((name) => LOOPBACK.test(name))) return [];
    const remedy = `issue one with the names that clients use: ${again} --dns NAME`;
    const message = `the server listens for other hosts, but its certificate names only ${names.join(", ")}`;
    return [warning("server name", message, remedy)];
  }
  const fits = isIP(host) === 0 ? leaf.checkHost(host) : leaf.checkIP(host);
  if (fits !== undefined || LOOPBACK.test(host)) return [];
  const remedy = `issue one with this address as well: ${again} ${isIP(host) === 0 ? "--dns" : "--ip"} ${host}`;
  const message = `the server listens on ${host}, but its certificate names only ${names.join(", ")}`;
  return [warning("server name", message, remedy)];
}

/** Reads and lists, and makes nothing: `kes keystore check` does that. */
async function keystoreFindings(source: KeystoreSource, signal: AbortSignal): Promise<readonly Finding[]> {
  const { permissions, config } = source;
  const failed = (operation: KeystoreOperation, what: string, cause: unknown): Finding => {
    const lacking = permissions?.lacking(operation, cause);
    const remedy =
      lacking === undefined
        ? `look at section 'keystore.${config.keystore.kind}' and at the keystore itself; 'kes keystore check' tries everything`
        : `add to the policy of its log-in: ${lacking.trim()}`;
    return error("keystore", `${what}: ${reasonOf(cause)}`, remedy);
  };
  let keystore: Keystore;
  try {
    keystore = await source.open(true);
  } catch (cause) {
    signal.throwIfAborted();
    return [failed("read", "cannot be opened", cause instanceof ConfigError ? cause.cause : cause)];
  }
  try {
    const bounded = (): AbortSignal => AbortSignal.any([signal, AbortSignal.timeout(CALL_TIMEOUT_MS)]);
    const startedMs = performance.now();
    const asked = await keystore.status(bounded()).then(
      () => undefined,
      (cause: unknown) => failed("read", "does not answer", cause),
    );
    if (asked !== undefined) return [asked];
    const ms = Math.max(1, Math.round(performance.now() - startedMs));
    const absent = probeName(secureRandom);
    const calls: readonly [KeystoreOperation, string, () => Promise<unknown>][] = [
      ["read", "keys cannot be read", () => keystore.get(absent, bounded()).catch(unlessMissing)],
      ["list", "keys cannot be listed", () => keystore.list({ prefix: "", limit: 1 }, bounded())],
    ];
    const findings: Finding[] = [answered(keystore.description, ms)];
    for (const [operation, what, call] of calls) {
      await call().catch((cause: unknown) => findings.push(failed(operation, what, cause)));
      signal.throwIfAborted();
    }
    return findings;
  } finally {
    await keystore.close();
  }
}

function answered(description: string, ms: number): Finding {
  const message = `${description} answers in ${ms} ms`;
  if (ms < SLOW_KEYSTORE_MS) return ok("keystore", message);
  const remedy =
    "look at the network to the keystore and at its load; a longer cache.expiry.any asks it less often";
  return warning("keystore", message, remedy);
}

function unlessMissing(cause: unknown): void {
  if (!isKesError(cause, "KEY_NOT_FOUND")) throw cause;
}

function limitFindings(maxFiles: number | undefined): readonly Finding[] {
  if (maxFiles === undefined) return [];
  const message = `a server started from here may open ${maxFiles} files and sockets`;
  return [
    maxFiles < WANTED_FILES
      ? warning("file limit", `${message}: that is few`, FILE_LIMIT_REMEDY)
      : ok("file limit", message),
  ];
}
