/** Reads a private key file and asks for its password when it has one. */
import type { KeyObject } from "node:crypto";
import { resolve } from "node:path";
import { PemFileError, readPemFile } from "../../identity/pem-file.js";
import { PrivateKeyError, privateKeyOfPem } from "../../identity/private-key.js";
import { type CommandContext, CommandError } from "../command.js";
import { VARIABLES } from "../remote/environment.js";
import { noteIfReadable } from "../secret-file.js";

/** Where a password comes from. */
export interface PasswordSource {
  readonly question: string;
  /** Asked before the person: the first that is set counts, and none when that is empty. */
  readonly variables: readonly string[];
}

/** As for the key of a client (KES reference §14.2). */
const CLIENT_PASSWORD: PasswordSource = {
  question: "Enter password for private key: ",
  variables: VARIABLES.keyPassword,
};

/** A private key that is open. */
export interface UnlockedKey {
  readonly key: KeyObject;
  /** What opened it; absent for one that is not encrypted. */
  readonly password?: string;
}

/** @throws CommandError that names `file` and never quotes what is in it */
export async function readPrivateKey(
  context: CommandContext,
  file: string,
  source: PasswordSource = CLIENT_PASSWORD,
): Promise<KeyObject> {
  return (await unlockKeyFile(context, file, source)).key;
}

/** As {@link readPrivateKey}. */
export async function unlockKeyFile(
  context: CommandContext,
  file: string,
  source: PasswordSource = CLIENT_PASSWORD,
): Promise<UnlockedKey> {
  const shown = `private key file '${file}'`;
  let text: string;
  try {
    text = await readPemFile(resolve(context.cwd, file));
  } catch (cause) {
    if (!(cause instanceof PemFileError)) throw cause;
    throw new CommandError(`${shown}: ${cause.message}`, { cause });
  }
  await noteIfReadable(context, "private key file", file);
  return unlock(context, text, shown, source);
}

/** The first private key in PEM text. @param name - for errors. @throws CommandError */
export async function openPrivateKey(
  context: CommandContext,
  text: string,
  name: string,
): Promise<KeyObject> {
  return (await unlock(context, text, `'${name}'`, CLIENT_PASSWORD)).key;
}

async function unlock(
  context: CommandContext,
  text: string,
  shown: string,
  { question, variables }: PasswordSource,
): Promise<UnlockedKey> {
  const plain = opened(text, shown, undefined);
  if (plain !== undefined) return { key: plain };
  const variable = variables.find((name) => context.env[name] !== undefined) ?? "";
  const [instead] = variables;
  const { askPassword } = await import("../prompt.js");
  const password =
    context.env[variable] ||
    (await askPassword(
      context,
      question,
      instead === undefined ? "run it on a terminal" : `set ${instead} to the password of the private key`,
    ));
  const key = opened(text, shown, password);
  if (key === undefined)
    throw new CommandError("incorrect password", { hints: [`that of ${shown} is not empty`] });
  return { key, password };
}

/** @returns undefined when there is no password and it needs one */
function opened(text: string, shown: string, password: string | undefined): KeyObject | undefined {
  try {
    return privateKeyOfPem(text, password);
  } catch (cause) {
    if (!(cause instanceof PrivateKeyError)) throw cause;
    if (cause.password === "missing") return undefined;
    if (cause.password === "refused") {
      throw new CommandError("incorrect password", {
        hints: [`${shown} has another one, or is encrypted by a cipher that is not known here`],
        cause,
      });
    }
    throw new CommandError(`${shown}: ${cause.message.replace(/^https: /, "")}`, { cause });
  }
}
