/** A set of file numbers: a bit for each, in folders that have any. */
import { FILES_PER_FOLDER, folderOf } from "./layout.js";

export class FileMarks {
  readonly #folders = new Map<number, Uint8Array>();

  add(number: number): void {
    const folder = folderOf(number);
    let bits = this.#folders.get(folder);
    if (bits === undefined) {
      bits = new Uint8Array(FILES_PER_FOLDER / 8);
      this.#folders.set(folder, bits);
    }
    const place = number % FILES_PER_FOLDER;
    bits[place >> 3] = (bits[place >> 3] ?? 0) | (1 << (place & 7));
  }

  has(number: number): boolean {
    const place = number % FILES_PER_FOLDER;
    return (((this.#folders.get(folderOf(number))?.[place >> 3] ?? 0) >> (place & 7)) & 1) === 1;
  }
}
