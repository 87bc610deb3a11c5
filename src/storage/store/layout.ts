/**
 * Where everything stands. Keys never become names of files: files have numbers, given in ascending order, and stand
 * in folders of {@link FILES_PER_FOLDER}, so that what was written together is made durable together.
 */
import { join } from "node:path";

export const FILES_PER_FOLDER = 4096;
/** Files have numbers below this. */
export const END_OF_NUMBERS = 2 ** 48;

export type FileKind = "record" | "content";

/** A file by number and kind. No two files have the same number. */
export interface FileName {
  readonly number: number;
  readonly kind: FileKind;
}

export class Layout {
  readonly root: string;
  /** Says what this folder is, and in which version. */
  readonly marker: string;
  readonly index: string;
  /** An index that is whole and on its way to the place of the other. */
  readonly nextIndex: string;
  readonly data: string;
  /** Content that belongs to nothing yet. */
  readonly drafts: string;
  readonly lock: string;
  /** Records that a rebuild could not read. */
  readonly damaged: string;

  constructor(root: string) {
    this.root = root;
    this.marker = join(root, "keswick.json");
    this.index = join(root, "index");
    this.nextIndex = join(root, "index.new");
    this.data = join(root, "data");
    this.drafts = join(root, "tmp");
    this.lock = join(root, "lock");
    this.damaged = join(root, "damaged");
  }

  folder(folder: number): string {
    return `${this.data}/${folder.toString(16).padStart(9, "0")}`;
  }

  file({ number, kind }: FileName): string {
    return `${this.folder(folderOf(number))}/${number.toString(16).padStart(12, "0")}.${kind}`;
  }
}

/** Number of the folder in which a file stands. */
export function folderOf(number: number): number {
  return Math.floor(number / FILES_PER_FOLDER);
}

/** Undefined for a name that no folder of data has. */
export function parseFolder(name: string): number | undefined {
  return /^[0-9a-f]{9}$/.test(name) ? Number.parseInt(name, 16) : undefined;
}

/** Undefined for a name that no file has in this folder. */
export function parseFile(folder: number, name: string): FileName | undefined {
  const [, digits, kind] = /^([0-9a-f]{12})\.(record|content)$/.exec(name) ?? [];
  if (digits === undefined) return undefined;
  const number = Number.parseInt(digits, 16);
  if (folderOf(number) !== folder) return undefined;
  return { number, kind: kind === "record" ? "record" : "content" };
}
