/** Keys given as variable or file: `MINIO_KMS_SECRET_KEY`, `MINIO_SSE_MASTER_KEY` (MinIO client reference §9). */
import { posix } from "node:path";
import { KEY_BYTES } from "../../crypto/algorithm.js";
import { decodeBase64 } from "../../crypto/base64.js";
import type { ReadText } from "./environment-file.js";
import type { FoundSettings } from "./settings.js";
import type { Variables } from "./variables.js";

export interface SingleKeySettings {
  readonly kind: "static-key" | "master-key";
  readonly keyName: string;
  /** 32 bytes. */
  readonly key: Buffer;
}

const SECRET = "MINIO_KMS_SECRET_KEY";
const SECRET_FILE = "MINIO_KMS_SECRET_KEY_FILE";
/** Where container platforms put files with secrets. */
const SECRETS_FOLDER = "/run/secrets";
const HEX_KEY = /^[0-9A-Fa-f]{64}$/;

/**
 * `<name>:<base64 of 32 bytes>`, or the name of a file with that text. Empty counts as absent, and so does a file that is
 * not there, since images set its name in advance; that is noted.
 */
export async function readStaticKey(
  variables: Variables,
  readText: ReadText,
): Promise<FoundSettings<SingleKeySettings> | undefined> {
  const secret = variables.firstFilled(SECRET);
  const file = variables.firstFilled(SECRET_FILE);
  const text =
    file === undefined
      ? undefined
      : ((await readText(file.value)) ?? (await readText(posix.join(SECRETS_FOLDER, file.value))));
  if (file !== undefined && text === undefined) {
    variables.notes.push(`${SECRET_FILE} names a file that is not there, and is passed over`);
  }
  if (secret !== undefined && text !== undefined) {
    variables.fault(SECRET, `and ${SECRET_FILE} cannot be used together`);
  }
  if (secret !== undefined) return parsed(variables, "static-key", SECRET, secret.value);
  return text === undefined ? undefined : parsed(variables, "static-key", SECRET_FILE, text.trim());
}

/** `<name>:<64 hex digits>`. */
export function readMasterKey(variables: Variables): FoundSettings<SingleKeySettings> | undefined {
  const found = variables.firstFilled("MINIO_SSE_MASTER_KEY", "MINIO_KMS_MASTER_KEY");
  return found === undefined ? undefined : parsed(variables, "master-key", found.name, found.value);
}

function parsed(
  variables: Variables,
  kind: SingleKeySettings["kind"],
  name: string,
  text: string,
): FoundSettings<SingleKeySettings> {
  const colon = text.indexOf(":");
  const keyName = text.slice(0, Math.max(0, colon));
  const encoded = text.slice(colon + 1);
  const key = kind === "static-key" ? decodeBase64(encoded) : decodeHex(encoded);
  if (keyName !== "" && key?.length === KEY_BYTES) return { name, settings: { kind, keyName, key } };
  const form = kind === "static-key" ? "<name>:<base64 of 32 bytes>" : "<name>:<64 hex digits>";
  variables.fault(name, `is not of the form ${form}`);
  return { name, settings: undefined };
}

function decodeHex(text: string): Buffer | undefined {
  return HEX_KEY.test(text) ? Buffer.from(text, "hex") : undefined;
}
