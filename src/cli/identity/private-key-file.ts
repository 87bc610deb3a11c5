/** Reads a private key file and asks for its password when it has one. */
import type { KeyObject } from "node:crypto";
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { PemFileError, readPemFile } from "../../identity/pem-file.js";
import { PrivateKeyError, privateKeyOfPem } from "../../identity/private-key.js";
import { type CommandContext, CommandError } from "../command.js";
import { askPassword } from "../prompt.js";

/** Where a password comes from. */
export interface PasswordSource {
  readonly question: string;
  /** Asked before the person; a variable that is empty counts as none. */
  readonly variables: readonly string[];
}

/** As for the key of a client (KES reference §14.2). */
export const CLIENT_PASSWORD: PasswordSource = {
  question: "Enter password for private key: ",
  variables: ["MINIO_KES_KEY_PASSWORD", "KES_KEY_PASSWORD", "MINIO_KMS_KES_KEY_PASSWORD"],
};

/** @throws CommandError that names `file` and never quotes what is in it */
export async function readPrivateKey(
  context: CommandContext,
  file: string,
  source: PasswordSource = CLIENT_PASSWORD,
): Promise<KeyObject> {
  const path = resolve(context.cwd, file);
  let text: string;
  try {
    text = await readPemFile(path);
  } catch (cause) {
    if (!(cause instanceof PemFileError)) throw cause;
    throw new CommandError(`cannot read private key '${file}': ${cause.message}`, { cause });
  }
  const { mode } = await stat(path);
  // Windows has no such bits: Node gives them all.
  if (process.platform !== "win32" && (mode & 0o004) !== 0) {
    context.output.note(`every user of this machine can read the private key '${file}': chmod 600 it`);
  }
  return openPrivateKey(context, text, file, source);
}

/** The first private key in PEM text. @param name - for errors. @throws CommandError */
export async function openPrivateKey(
  context: CommandContext,
  text: string,
  name: string,
  source: PasswordSource = CLIENT_PASSWORD,
): Promise<KeyObject> {
  const open = (password: string | undefined): KeyObject | undefined => {
    try {
      return privateKeyOfPem(text, password);
    } catch (cause) {
      if (!(cause instanceof PrivateKeyError)) throw cause;
      if (cause.password === "missing") return undefined;
      if (cause.password === "refused") throw new CommandError(`incorrect password for '${name}'`, { cause });
      throw new CommandError(`'${name}': ${cause.message.replace(/^https: /, "")}`, { cause });
    }
  };
  const variable = source.variables.find((it) => context.env[it]);
  const opened = open(variable === undefined ? undefined : context.env[variable]);
  if (opened !== undefined) return opened;
  const instead = source.variables[0];
  const password = await askPassword(
    context,
    source.question,
    instead === undefined ? "run it on a terminal" : `set ${instead} to the password of the private key`,
  );
  const key = open(password);
  if (key === undefined) throw new CommandError(`incorrect password for '${name}'`);
  return key;
}
