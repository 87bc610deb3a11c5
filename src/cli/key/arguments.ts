/** What the key commands are given: bytes as base64, as text, or from standard input. */
import { decodeBase64 } from "../../crypto/base64.js";
import { type CommandContext, CommandError } from "../command.js";
import { readUpTo } from "../secret-file.js";

/** As long as a server's body limit; what does not fit encoded is refused by the SDK. */
const MAX_INPUT_BYTES = 1_000_000;

/** The argument that stands for standard input. */
const STDIN = "-";

/** The bytes of a message: of the text itself, or of what standard input holds for `-`. */
export async function messageOf(context: CommandContext, text: string): Promise<Buffer> {
  return text === STDIN ? readInput(context, "message") : Buffer.from(text);
}

/** The bytes of base64; for `-` of the base64 on standard input. @throws CommandError that quotes nothing of it */
export async function base64Of(context: CommandContext, what: string, text: string): Promise<Buffer> {
  const encoded = text === STDIN ? (await readInput(context, what)).toString("latin1").trim() : text;
  const bytes = decodeBase64(encoded);
  if (bytes === undefined) throw new CommandError(`${what} is not base64`);
  return bytes;
}

async function readInput({ stdin }: CommandContext, what: string): Promise<Buffer> {
  const bytes = await readUpTo(stdin, MAX_INPUT_BYTES);
  if (bytes === undefined) {
    throw new CommandError(`${what} on standard input is larger than ${MAX_INPUT_BYTES} bytes`, {
      hints: ["'kes key encrypt-file' and 'decrypt-file' take files of any size"],
    });
  }
  return bytes;
}
