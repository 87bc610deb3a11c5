/** Inputs that showed something for the first time, the shortest for each thing. */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Features } from "./judge.js";
import type { Random } from "./random.js";

const ENDING = ".hex";

/** Reads the inputs of a folder, each a file of hexadecimal digits. */
export function readCorpus(folder: string): readonly Buffer[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(ENDING))
    .map((name) => Buffer.from(readFileSync(join(folder, name), "utf8").trim(), "hex"));
}

export class Corpus {
  readonly #shortest = new Map<string, Buffer>();
  #inputs: readonly Buffer[] | undefined;

  get features(): number {
    return this.#shortest.size;
  }

  /** No two the same. */
  get inputs(): readonly Buffer[] {
    this.#inputs ??= [...new Set(this.#shortest.values())];
    return this.#inputs;
  }

  add(bytes: Buffer, features: Features): void {
    for (const feature of features) {
      const known = this.#shortest.get(feature);
      if (known !== undefined && known.length <= bytes.length) continue;
      this.#shortest.set(feature, bytes);
      this.#inputs = undefined;
    }
  }

  pick(random: Random): Buffer | undefined {
    return this.inputs.length === 0 ? undefined : random.pick(this.inputs);
  }

  /** Makes `folder` hold these inputs and no others. */
  write(folder: string): void {
    mkdirSync(folder, { recursive: true });
    for (const name of readdirSync(folder)) if (name.endsWith(ENDING)) rmSync(join(folder, name));
    for (const input of this.inputs) {
      const name = createHash("sha256").update(input).digest("hex").slice(0, 16);
      writeFileSync(join(folder, `${name}${ENDING}`), `${input.toString("hex")}\n`);
    }
  }
}
