/** Where passphrases and keys of bundles come from: flags, a variable, a question. */
import { createPublicKey, type KeyObject } from "node:crypto";
import { resolve } from "node:path";
import type { RandomSource } from "../../../crypto/random.js";
import { PemFileError, readPemFile } from "../../../identity/pem-file.js";
import { type CommandContext, CommandError } from "../../command.js";
import { readPrivateKey } from "../../identity/private-key-file.js";
import { askPassword } from "../../prompt.js";
import { readSecretFile } from "../../secret-file.js";
import { SCRYPT_COST } from "./header.js";
import {
  isX25519,
  type Locksmith,
  passphraseLock,
  passphraseSecret,
  recipientLock,
  recipientSecret,
} from "./lock.js";
import type { Opener } from "./read.js";

const VARIABLE = "KES_BUNDLE_PASSPHRASE";
/** A passphrase is all that stands between a stolen bundle and every key in it. */
const FEW_CHARACTERS = 12;
const INSTEAD = `set ${VARIABLE}, or give it with --passphrase-file FILE`;

export interface SealingFlags {
  readonly "passphrase-file": string | undefined;
  readonly recipient: string | undefined;
}

/**
 * What the flags or the variable lock a bundle with; undefined when neither says anything.
 * @throws CommandError
 */
export async function givenLock(
  context: CommandContext,
  flags: SealingFlags,
  random: RandomSource,
): Promise<Locksmith | undefined> {
  const { recipient, "passphrase-file": file } = flags;
  if (recipient !== undefined && file !== undefined) {
    throw new CommandError("'--recipient' and '--passphrase-file' flags are mutually exclusive");
  }
  if (recipient !== undefined) return recipientLock(await readRecipient(context, recipient));
  const passphrase = await givenPassphrase(context, file);
  return passphrase === undefined
    ? undefined
    : passphraseLock(checked(context, passphrase), random, SCRYPT_COST);
}

/** As {@link givenLock}, and asks for a passphrase, twice, when nothing is given. */
export async function lockFor(
  context: CommandContext,
  flags: SealingFlags,
  random: RandomSource,
): Promise<Locksmith> {
  const given = await givenLock(context, flags, random);
  if (given !== undefined) return given;
  const passphrase = await askPassword(context, "Enter a passphrase for the bundle: ", INSTEAD);
  const again = await askPassword(context, "Enter it again: ", INSTEAD);
  if (passphrase !== again) throw new CommandError("the passphrases are not the same");
  return passphraseLock(checked(context, passphrase), random, SCRYPT_COST);
}

/**
 * Opens bundles with what the flags, the variable or a person give. The secret of one lock is fetched once, so a
 * bundle may be read several times.
 */
export function openerFor(
  context: CommandContext,
  flags: { readonly "passphrase-file": string | undefined; readonly key: string | undefined },
): Opener {
  let known: { readonly salt: string; readonly secret: Buffer } | undefined;
  return async (lock, file) => {
    if (lock.kind === "recipient") {
      if (flags.key === undefined) {
        throw new CommandError(`${file} was made for a recipient: give the private key with --key FILE`);
      }
      return recipientSecret(await readBundleKey(context, flags.key), lock, file);
    }
    if (flags.key !== undefined) {
      throw new CommandError(`${file} is locked with a passphrase, not for a key`, {
        hints: ["leave out --key, and give --passphrase-file FILE"],
      });
    }
    const salt = Buffer.from(lock.salt).toString("hex");
    if (known?.salt !== salt) {
      const passphrase =
        (await givenPassphrase(context, flags["passphrase-file"])) ??
        (await askPassword(context, "Enter the passphrase of the bundle: ", INSTEAD));
      known = { salt, secret: await passphraseSecret(passphrase, lock) };
    }
    return Buffer.from(known.secret);
  };
}

async function givenPassphrase(
  context: CommandContext,
  file: string | undefined,
): Promise<string | undefined> {
  if (file !== undefined) {
    const text = (await readSecretFile(context, "passphrase file", file)).toString("utf8");
    return text.replace(/\r?\n$/, "");
  }
  return context.env[VARIABLE];
}

function checked({ output }: CommandContext, passphrase: string): string {
  if (passphrase === "") throw new CommandError("the passphrase is empty");
  if (passphrase.length < FEW_CHARACTERS) {
    output.note(`the passphrase is short: whoever gets the bundle can try passphrases at leisure`);
  }
  return passphrase;
}

function readBundleKey(context: CommandContext, file: string): Promise<KeyObject> {
  return readPrivateKey(context, file, {
    question: `Enter password for '${file}': `,
    variables: [VARIABLE],
  });
}

async function readRecipient(context: CommandContext, file: string): Promise<KeyObject> {
  let key: KeyObject;
  try {
    const text = await readPemFile(resolve(context.cwd, file));
    if (text.includes("PRIVATE KEY")) {
      throw new CommandError(`'${file}' is a private key: for the recipient, give the public one`, {
        hints: [`openssl pkey -in ${file} -pubout`],
      });
    }
    key = createPublicKey(text);
  } catch (cause) {
    if (cause instanceof CommandError) throw cause;
    const reason = cause instanceof PemFileError ? cause.message : "not a public key in PEM";
    throw new CommandError(`recipient '${file}': ${reason}`, { cause });
  }
  if (isX25519(key)) return key;
  throw new CommandError(`recipient '${file}': a key of X25519 is needed, not of ${key.asymmetricKeyType}`, {
    hints: ["make one with: openssl genpkey -algorithm X25519 -out backup.key"],
  });
}
