/** A folder in which identity commands run inside the test's process, and what they said. */
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import type { Input } from "../../src/cli/command.js";
import { commands } from "../../src/cli/commands.js";
import { run } from "../../src/cli/run.js";
import { captured } from "./captured-output.js";

export interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface KesOptions {
  readonly env?: Record<string, string>;
  /** Standard output and standard error are terminals. */
  readonly isTTY?: boolean;
  /** What a pipe to standard input holds. */
  readonly stdin?: string;
  /** What a person types, a line each; standard input is a terminal then. */
  readonly types?: readonly string[];
}

export class IdentitySite {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async make(): Promise<IdentitySite> {
    return new IdentitySite(await mkdtemp(join(tmpdir(), "keswick-identity-")));
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }

  /** `kes …argv` in the folder. */
  async kes(argv: readonly string[], options: KesOptions = {}): Promise<Said> {
    const { types, ...rest } = options;
    const { context, stdout, stderr } = captured({ cwd: this.folder, ...rest });
    const stdin = types === undefined ? context.stdin : typing(types);
    const code = await run(argv, commands, { ...context, stdin });
    return { code, out: stdout(), err: stderr() };
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  read(name: string): Promise<string> {
    return readFile(this.path(name), "utf8");
  }

  async write(name: string, content: string, mode = 0o600): Promise<string> {
    await writeFile(this.path(name), content, { mode });
    return name;
  }

  async modeOf(name: string): Promise<number> {
    return (await stat(this.path(name))).mode & 0o777;
  }
}

/** A terminal on which somebody has typed ahead. */
function typing(lines: readonly string[]): Input {
  const terminal = new PassThrough();
  terminal.write(lines.map((line) => `${line}\r`).join(""));
  return Object.assign(terminal, { isTTY: true, setRawMode: () => undefined });
}
