/** A private key and its certificate as two files that always belong together. */
import { generateKeyPairSync, type KeyObject, X509Certificate } from "node:crypto";
import {
  CertificateError,
  type CertificateInfo,
  certificatesOfPemFile,
  inspectCertificate,
} from "../../identity/certificate.js";
import { certificatePem } from "../../identity/issue.js";
import { PemFileError, readPemFile } from "../../identity/pem-file.js";
import { PrivateKeyError, privateKeyOfPem } from "../../identity/private-key.js";
import { CommandError } from "../command.js";
import { exists } from "./layout.js";
import { publish } from "./publish.js";

export interface Pair {
  readonly keyFile: string;
  readonly certFile: string;
}

/** What of a pair exists. The key is written first, so an interrupted run leaves a key without certificate. */
export type PairState =
  | { readonly has: "nothing" }
  | { readonly has: "key"; readonly key: KeyObject }
  | { readonly has: "both"; readonly info: CertificateInfo };

/** Looks without changing anything. @throws CommandError for a pair that cannot be completed or used */
export async function pairState({ keyFile, certFile }: Pair): Promise<PairState> {
  const [hasKey, hasCert] = [await exists(keyFile), await exists(certFile)];
  if (!hasKey && !hasCert) return { has: "nothing" };
  if (!hasKey) throw new CommandError(`'${certFile}' exists, but its private key '${keyFile}' does not`);
  const key = await readKey(keyFile);
  if (!hasCert) return { has: "key", key };
  const der = await readCertificate(certFile);
  if (!new X509Certificate(der).checkPrivateKey(key)) {
    throw new CommandError(`'${certFile}' does not belong to the private key in '${keyFile}'`);
  }
  return { has: "both", info: inspectCertificate(der) };
}

/**
 * Makes what `state` lacks. P-256 keys: Go, OpenSSL, LibreSSL (curl on macOS) and browsers all take them,
 * where Ed25519 is refused by some.
 * @param issue - makes the certificate of a key, DER
 */
export async function completePair(
  pair: Pair,
  state: PairState,
  issue: (key: KeyObject) => Uint8Array,
): Promise<CertificateInfo> {
  if (state.has === "both") return state.info;
  const key = state.has === "key" ? state.key : generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  const der = issue(key);
  if (state.has === "nothing") {
    await publish(pair.keyFile, key.export({ type: "pkcs8", format: "pem" }), 0o600);
  }
  await publish(pair.certFile, certificatePem(der), 0o644);
  return inspectCertificate(der);
}

async function readKey(file: string): Promise<KeyObject> {
  return usable(file, async () => privateKeyOfPem(await readPemFile(file)));
}

async function readCertificate(file: string): Promise<Uint8Array> {
  return usable(file, async () => {
    const [der] = await certificatesOfPemFile(file);
    inspectCertificate(der);
    return der;
  });
}

async function usable<T>(file: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    const isExpected =
      cause instanceof PrivateKeyError || cause instanceof CertificateError || cause instanceof PemFileError;
    if (!isExpected) throw cause;
    throw new CommandError(`'${file}' exists, but cannot be used: ${cause.message}`, { cause });
  }
}
