/** Inputs that brought something new: one a line, as JSON strings with one character a byte. */
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";

export class Corpus {
  readonly #file: string;
  readonly inputs: readonly string[];

  private constructor(file: string, inputs: readonly string[]) {
    this.#file = file;
    this.inputs = inputs;
  }

  /** A file that is not there is an empty corpus. */
  static async read(file: string): Promise<Corpus> {
    const lines = existsSync(file) ? (await readFile(file, "utf8")).split("\n") : [];
    return new Corpus(
      file,
      lines.filter((line) => line !== "").map((line) => String(JSON.parse(line))),
    );
  }

  /** @returns how many were not there yet */
  async add(inputs: readonly string[]): Promise<number> {
    const all = new Set([...this.inputs, ...inputs]);
    const lines = [...all].map((input) => `${JSON.stringify(input)}\n`);
    await writeFile(this.#file, lines.join(""));
    return all.size - this.inputs.length;
  }
}
