/** Another implementation of the package format: a small program over `github.com/minio/sio` (Apache-2.0). */
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Context } from "mocha";
import { run } from "./child-process.js";
import { findOnPath } from "./services/folder.js";

const SOURCE = join(import.meta.dirname, "sio");
const BUILD_TIMEOUT_MS = 110_000;

export interface SioTask {
  /** `seal1`, `seal2`: by version; `open`: from package `from` on; `range`: `length` bytes from `from` on, of a whole stream. */
  readonly operation: "seal1" | "seal2" | "open" | "range";
  readonly key: Uint8Array;
  /** Any when absent. */
  readonly cipher?: "AES256" | "ChaCha20";
  readonly from?: number;
  readonly length?: number;
  readonly input: Uint8Array;
}

/** The bytes, or why there are none. */
export type SioResult = Buffer | { readonly error: string };

export class Sio {
  readonly #program: string;
  readonly #folder: string;
  #files = 0;

  private constructor(program: string, folder: string) {
    this.#program = program;
    this.#folder = folder;
  }

  /**
   * Builds the program into `folder`. Without Go, or without the module and a way to fetch it, the test is skipped with
   * one printed line, or fails where `KESWICK_REQUIRE_SERVICES=1` promises everything.
   */
  static async build(context: Context, folder: string): Promise<Sio> {
    const program = join(folder, "sio");
    try {
      const go = findOnPath("go");
      if (go === undefined) throw new Error("Go is not on the PATH");
      // With the caller's environment: where modules come from and are kept is the developer's choice.
      await promisify(execFile)(go, ["build", "-o", program, "."], {
        cwd: SOURCE,
        env: { ...process.env, CGO_ENABLED: "0" },
        timeout: BUILD_TIMEOUT_MS,
      });
      return new Sio(program, folder);
    } catch (error) {
      if (process.env.KESWICK_REQUIRE_SERVICES === "1") throw error;
      const reason = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
      console.log(`skipped: ${context.test?.parent?.fullTitle() ?? "a test"}: ${reason}`);
      return context.skip();
    }
  }

  /** All tasks in one run of the program. */
  async run(tasks: readonly SioTask[]): Promise<SioResult[]> {
    const lines = await Promise.all(tasks.map((task) => this.#line(task)));
    const { stdout, stderr, code } = await run([this.#program], { input: `${lines.join("\n")}\n` });
    const answers = stdout.trimEnd().split("\n");
    if (code !== 0 || answers.length !== tasks.length) throw new Error(`sio ended with ${code}: ${stderr}`);
    return Promise.all(
      answers.map(async (answer) => {
        const [, word, rest = ""] = /^(ok|error) (.*)$/.exec(answer) ?? [];
        return word === "ok" ? readFile(rest) : { error: rest };
      }),
    );
  }

  async #line({ operation, key, cipher, from = 0, length = 0, input }: SioTask): Promise<string> {
    const file = join(this.#folder, String(this.#files++));
    await writeFile(file, input);
    return [operation, Buffer.from(key).toString("hex"), cipher ?? "any", from, length, file].join(" ");
  }
}
