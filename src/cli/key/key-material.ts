/** The bytes of a key that is imported. */
import { decodeBase64 } from "../../crypto/base64.js";
import { type CommandContext, CommandError } from "../command.js";
import { readSecretFile, readUpTo } from "../secret-file.js";

/** Of both algorithms, and of HMAC keys. */
const KEY_BYTES = 32;
/** 32 bytes in base64, or in any other form that is told apart from it, and line ends. */
const MAX_INPUT_BYTES = 16 * 1024;

/** @param text - base64. @throws CommandError that quotes nothing of it */
export function keyOfBase64(what: string, text: string): Buffer {
  const bytes = decodeBase64(text.trim());
  if (bytes === undefined) throw new CommandError(`${what} is not base64`);
  if (bytes.length !== KEY_BYTES) {
    throw new CommandError(`${what} has ${bytes.length} bytes instead of ${KEY_BYTES}`, {
      hints: /^\s*[0-9a-f]{64}\s*$/i.test(text) ? ["it looks like hex: it has to be base64"] : [],
    });
  }
  return bytes;
}

/** The key in a file, see {@link keyOfBytes}. */
export async function keyOfFile(context: CommandContext, what: string, path: string): Promise<Buffer> {
  return keyOfBytes(what, await readSecretFile(context, `${what} file`, path));
}

/** The key on standard input, see {@link keyOfBytes}. */
export async function keyOfInput({ stdin }: CommandContext, what: string): Promise<Buffer> {
  const bytes = await readUpTo(stdin, MAX_INPUT_BYTES);
  if (bytes === undefined) throw new CommandError(`${what} is larger than ${MAX_INPUT_BYTES} bytes`);
  return keyOfBytes(what, bytes);
}

/** Exactly 32 bytes are the key itself, anything else is base64 of 32 bytes, white space around it allowed. */
function keyOfBytes(what: string, bytes: Buffer): Buffer {
  if (bytes.length !== KEY_BYTES) {
    try {
      return keyOfBase64(what, bytes.toString("latin1"));
    } finally {
      bytes.fill(0);
    }
  }
  // Random bytes are never all printable (chance 10^-14 even so), but hex of 16 bytes or base64 of 24 is.
  if (bytes.every((byte) => byte >= 0x20 && byte < 0x7f)) {
    throw new CommandError(`${what} is ${KEY_BYTES} characters of text, no random bytes`, {
      hints: [`give ${KEY_BYTES} bytes, or their base64: 'openssl rand -base64 ${KEY_BYTES}' makes a key`],
    });
  }
  return bytes;
}
