/** Names of the files around an audit file. */
import { basename, dirname, join } from "node:path";

/** The last checkpoint, as the line that it is: what tells a file that was cut from one that ends there. */
export function headFileOf(path: string): string {
  return `${path}.head`;
}

/** Ends of lines that a server did not finish, and what else was found behind the last line. */
export function tornFileOf(path: string): string {
  return `${path}.torn`;
}

export function lockFileOf(path: string): string {
  return `${path}.lock`;
}

/** Digits of a sequence number in a name: names then sort as their files follow each other. */
const DIGITS = 12;

/** Where the file goes that begins with line `first`. @param turn - 1, more where the name is taken */
export function rotatedFileOf(path: string, first: number, turn = 1): string {
  return `${path}.${String(first).padStart(DIGITS, "0")}${turn === 1 ? "" : `-${turn}`}`;
}

/** A file that was rotated away. */
export interface RotatedFile {
  readonly path: string;
  /** Number of its first line. */
  readonly first: number;
}

/** The rotated files of `path` among the names in its folder, oldest first. */
export function rotatedFilesOf(path: string, names: readonly string[]): readonly RotatedFile[] {
  const prefix = `${basename(path)}.`;
  return names
    .filter((name) => name.startsWith(prefix) && /^\d{12,15}(?:-\d{1,3})?$/.test(name.slice(prefix.length)))
    .map((name) => ({
      path: join(dirname(path), name),
      first: Number.parseInt(name.slice(prefix.length), 10),
    }))
    .sort((a, b) => a.first - b.first);
}
