/** The file that says how far a rotation has come, so that the same command goes on where it was interrupted. */
import { readFile } from "node:fs/promises";
import { CommandError } from "../../command.js";
import { exists } from "../../init/layout.js";
import { publish, replace } from "../../init/publish.js";

/** What is rotated; a mark of something else is refused. */
export interface RotationTarget {
  readonly bucket: string;
  readonly prefix: string;
  readonly keyId: string;
}

const FILE_MODE = 0o644;

/** @returns the last object that is done, empty for none. @throws CommandError for a file that is no mark of this rotation */
export async function readMark(file: string, target: RotationTarget): Promise<string> {
  if (!(await exists(file))) return "";
  const found = parse(await readFile(file, "utf8"));
  if (found === undefined) throw new CommandError(`'${file}' is not the mark of a rotation`);
  const isSame =
    found.bucket === target.bucket && found.prefix === target.prefix && found.key === target.keyId;
  if (!isSame) {
    throw new CommandError(
      `'${file}' belongs to the rotation of '${found.bucket}/${found.prefix}' to the key '${found.key}'`,
      { hints: ["name another file with --mark, or remove it to begin anew"] },
    );
  }
  return found.after;
}

/** @param after - the last object that is done, and all before it are */
export async function writeMark(file: string, target: RotationTarget, after: string): Promise<void> {
  const { bucket, prefix, keyId } = target;
  const text = `${JSON.stringify({ bucket, prefix, key: keyId, after })}\n`;
  if (await exists(file)) await replace(file, text);
  else await publish(file, text, FILE_MODE);
}

interface Mark {
  readonly bucket: string;
  readonly prefix: string;
  readonly key: string;
  readonly after: string;
}

function parse(text: string): Mark | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { bucket, prefix, key, after } = value as Record<string, unknown>;
  const texts = [bucket, prefix, key, after].every((one) => typeof one === "string");
  return texts
    ? { bucket: String(bucket), prefix: String(prefix), key: String(key), after: String(after) }
    : undefined;
}
