/** `kes-s3 compact`: the index of a folder in as few bytes as it takes. */
import { isS3Error } from "../../../storage/s3/errors.js";
import { compactIndex } from "../../../storage/store/compact.js";
import { type CommandContext, CommandError } from "../../command.js";
import { bytesText } from "../../terminal/units.js";
import { requireFolder } from "../directory.js";
import { told } from "../folder.js";

/** @param dir - absolute. @throws CommandError */
export async function compact(
  { output }: CommandContext,
  dir: string,
  json: boolean,
  signal: AbortSignal,
): Promise<undefined> {
  await requireFolder(dir);
  const { before, after, entries } = await attempt(dir, signal);
  if (json) output.data(`${JSON.stringify({ before, after, entries })}\n`);
  else output.data(`index of ${entries} entries: ${bytesText(before)} before, ${bytesText(after)} now\n`);
  return undefined;
}

async function attempt(dir: string, signal: AbortSignal): ReturnType<typeof compactIndex> {
  try {
    return await told(dir, () => compactIndex(dir, { signal }));
  } catch (cause) {
    if (!isS3Error(cause, "STORAGE_FULL")) throw cause;
    throw new CommandError("the disk has no room for the copy; the index is as it was", { cause });
  }
}
