/** What stands for an identity on the command line: an API key, a certificate, a private key, or a file of these. */
import type { KeyObject } from "node:crypto";
import { resolve } from "node:path";
import { ApiKey, ApiKeyError } from "../../identity/api-key.js";
import { CertificateError, type CertificateInfo, inspectCertificate } from "../../identity/certificate.js";
import { MAX_PEM_CHARS, PemError, pemBlocks } from "../../identity/pem.js";
import { PemFileError, readPemFile } from "../../identity/pem-file.js";
import type { Identity } from "../../names.js";
import { type CommandContext, CommandError, type Input } from "../command.js";
import type { Output } from "../output.js";
import { openPrivateKey } from "./private-key-file.js";

/** Standard input in place of a file. */
const STDIN = "-";
const API_KEY_PREFIX = "kes:v1:";

export type Source =
  | { readonly kind: "api-key"; readonly apiKey: ApiKey }
  | {
      readonly kind: "certificate";
      /** Of the first certificate. */
      readonly info: CertificateInfo;
      /** Other PEM blocks than certificates stand in the file, too. */
      readonly isMixed: boolean;
    }
  | { readonly kind: "private-key"; readonly key: KeyObject };

/**
 * Reads what `word` is: an API key, the name of a file that holds one of the three, or `-` for standard input.
 * @throws CommandError in KES's words (reference §14.3); an API key is never quoted, not even a wrong one
 */
export async function readSource(context: CommandContext, word: string): Promise<Source> {
  if (word.startsWith(API_KEY_PREFIX)) return ofArgument(context, word);
  if (word === STDIN) return ofText(context, await readAll(context.stdin), "standard input");
  let text: string;
  try {
    text = await readPemFile(resolve(context.cwd, word));
  } catch (cause) {
    if (!(cause instanceof PemFileError)) throw cause;
    // KES takes an API key without its prefix; a file of that name goes first.
    if (isBareApiKey(word)) return ofArgument(context, word);
    if (looksSecret(word)) throw new CommandError("this is neither a file nor a valid API key");
    throw new CommandError(`cannot read '${word}': ${cause.message}`, { cause });
  }
  return ofText(context, text, word);
}

/** Of an API key or a certificate. @param word - what was read */
export function identityOf(
  source: Exclude<Source, { readonly kind: "private-key" }>,
  word: string,
  output: Output,
): Identity {
  if (source.kind === "api-key") return source.apiKey.identity;
  if (source.info.isCa) {
    output.note(`'${word}' is a CA's certificate: no server takes it for that of a client`);
  }
  return source.info.identity;
}

/** True for `-`: it can be read once. */
export function isStandardInput(word: string): boolean {
  return word === STDIN;
}

function ofArgument(context: CommandContext, word: string): Source {
  const source: Source = { kind: "api-key", apiKey: parseApiKey(word) };
  context.output.note(
    "an API key on the command line stands in the list of processes: better give '-' and the key on standard input",
  );
  return source;
}

async function ofText(context: CommandContext, text: string, name: string): Promise<Source> {
  const trimmed = text.trim();
  if (trimmed.startsWith(API_KEY_PREFIX) || isBareApiKey(trimmed)) {
    return { kind: "api-key", apiKey: parseApiKey(trimmed) };
  }
  const labels = labelsOf(text);
  const first = labels.find((label) => label !== "EC PARAMETERS");
  try {
    if (first === "CERTIFICATE") {
      const certificate = pemBlocks(text).find(({ label }) => label === first);
      const info = inspectCertificate(certificate?.bytes ?? new Uint8Array());
      return { kind: "certificate", info, isMixed: labels.some((label) => label !== first) };
    }
  } catch (cause) {
    if (!(cause instanceof CertificateError)) throw cause;
    throw new CommandError(`'${name}' contains no valid PEM certificate or private key`, {
      hints: [cause.message],
      cause,
    });
  }
  if (first?.startsWith("OPENSSH ") === true) throw unsupported(name);
  if (first?.endsWith("PRIVATE KEY") !== true) {
    throw new CommandError(`'${name}' contains no valid PEM certificate or private key`);
  }
  return { kind: "private-key", key: await openPrivateKey(context, text, name) };
}

/** KES's error for a private key that no API key can hold. */
export function unsupported(name: string): CommandError {
  return new CommandError(
    `'${name}' contains unsupported private key. Only ed25519 private keys are supported`,
  );
}

function labelsOf(text: string): string[] {
  try {
    return pemBlocks(text).map(({ label }) => label);
  } catch (cause) {
    if (cause instanceof PemError) return [];
    throw cause;
  }
}

function parseApiKey(text: string): ApiKey {
  try {
    return ApiKey.parse(text);
  } catch (cause) {
    if (!(cause instanceof ApiKeyError)) throw cause;
    const message = cause.message.startsWith("kes: ")
      ? cause.message
      : `kes: invalid API key: ${cause.message}`;
    throw new CommandError(message);
  }
}

function isBareApiKey(text: string): boolean {
  try {
    ApiKey.parse(text);
    return true;
  } catch (cause) {
    if (cause instanceof ApiKeyError) return false;
    throw cause;
  }
}

/** A mistyped key is still most of a key. */
function looksSecret(word: string): boolean {
  return word.startsWith("kes:") || /^[A-Za-z0-9+/]{40,}=*$/.test(word);
}

async function readAll(input: Input): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of input) {
    const bytes = Buffer.from(chunk);
    length += bytes.length;
    if (length > MAX_PEM_CHARS) throw new CommandError("standard input is too large");
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString("latin1");
}
