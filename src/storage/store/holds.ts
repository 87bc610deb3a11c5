/** Which files are read, so that they outlive their object. */
import type { FileName } from "./layout.js";
import type { Piece } from "./stored-record.js";

export class Holds {
  readonly #counts = new Map<number, number>();
  /** Called when a file is not held any more. */
  readonly #onFree: () => void;

  constructor(onFree: () => void) {
    this.#onFree = onFree;
  }

  isHeld(number: number): boolean {
    return this.#counts.has(number);
  }

  /** Held until the function that comes back is called; further calls of it do nothing. */
  hold(pieces: readonly Piece[]): () => void {
    for (const { file } of pieces) this.#counts.set(file, (this.#counts.get(file) ?? 0) + 1);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      let isFree = false;
      for (const { file } of pieces) {
        const count = (this.#counts.get(file) ?? 1) - 1;
        if (count > 0) this.#counts.set(file, count);
        else isFree = this.#counts.delete(file);
      }
      if (isFree) this.#onFree();
    };
  }
}

/** The file that a piece stands in. */
export function fileOf({ file, at }: Piece): FileName {
  return { number: file, kind: at === undefined ? "content" : "record" };
}
