/** An identity on the command line: itself, or what it is computed from. */
import { createPublicKey } from "node:crypto";
import { identityOfKey } from "../../identity/certificate.js";
import { type Identity, identity as toIdentity } from "../../names.js";
import type { CommandContext } from "../command.js";
import { identityOf, readSource } from "../identity/source.js";

/**
 * @param word - 64 hex digits in any case, an API key, the file of a certificate, of a private key or of an API key, or
 * `-` for standard input
 * @throws CommandError for anything else
 */
export async function readIdentity(word: string, context: CommandContext): Promise<Identity> {
  const identity = toIdentity(word.trim().toLowerCase());
  if (identity !== undefined) return identity;
  const source = await readSource(context, word);
  if (source.kind === "private-key") return identityOfKey(createPublicKey(source.key));
  return identityOf(source, word, context.output);
}
