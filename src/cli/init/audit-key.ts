/** The key that signs checkpoints of the audit file, and its public part for whoever verifies them. */
import { createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { readFile } from "node:fs/promises";
import { PemFileError, readPemFile } from "../../identity/pem-file.js";
import { PrivateKeyError, privateKeyOfPem } from "../../identity/private-key.js";
import { CommandError } from "../command.js";
import { exists } from "./layout.js";
import { publish } from "./publish.js";

export interface AuditKeyFiles {
  readonly keyFile: string;
  readonly publicFile: string;
}

/** The private key that is there already. @throws CommandError for one that cannot be used, or not with the other */
export async function presentAuditKey({
  keyFile,
  publicFile,
}: AuditKeyFiles): Promise<KeyObject | undefined> {
  const hasPublic = await exists(publicFile);
  if (!(await exists(keyFile))) {
    if (hasPublic)
      throw new CommandError(`'${publicFile}' exists, but its private key '${keyFile}' does not`);
    return undefined;
  }
  const key = await readKey(keyFile);
  if (hasPublic && (await readFile(publicFile, "utf8")) !== publicPem(key)) {
    throw new CommandError(`'${publicFile}' does not belong to the private key in '${keyFile}'`);
  }
  return key;
}

/** Makes what is missing. @param present - the private key, where there is one */
export async function completeAuditKey(
  { keyFile, publicFile }: AuditKeyFiles,
  present: KeyObject | undefined,
): Promise<void> {
  const key = present ?? generateKeyPairSync("ed25519").privateKey;
  if (present === undefined) await publish(keyFile, key.export({ type: "pkcs8", format: "pem" }), 0o600);
  if (!(await exists(publicFile))) await publish(publicFile, publicPem(key), 0o644);
}

function publicPem(key: KeyObject): string {
  return createPublicKey(key).export({ type: "spki", format: "pem" }).toString();
}

async function readKey(file: string): Promise<KeyObject> {
  try {
    const key = privateKeyOfPem(await readPemFile(file));
    if (key.asymmetricKeyType === "ed25519") return key;
    throw new CommandError(`'${file}' exists, but is no Ed25519 key`);
  } catch (cause) {
    if (!(cause instanceof PrivateKeyError || cause instanceof PemFileError)) throw cause;
    throw new CommandError(`'${file}' exists, but cannot be used: ${cause.message}`, { cause });
  }
}
