/** A command's surroundings for tests, with everything it prints kept. */
import { Readable } from "node:stream";
import type { CommandContext } from "../../src/cli/command.js";
import { Output } from "../../src/cli/output.js";

export interface Captured {
  readonly context: CommandContext;
  readonly stdout: () => string;
  readonly stderr: () => string;
}

/** No terminal, unless `isTTY`; an empty environment, unless given. */
export function captured(
  options: {
    readonly cwd?: string;
    readonly env?: Record<string, string>;
    readonly isTTY?: boolean;
    /** What a pipe to standard input holds. */
    readonly stdin?: string;
  } = {},
): Captured {
  const { cwd = process.cwd(), env = {}, isTTY = false, stdin = "" } = options;
  let stdout = "";
  let stderr = "";
  const output = new Output(
    { isTTY, write: (text) => (stdout += text) },
    { isTTY, write: (text) => (stderr += text) },
    { colour: true },
  );
  return {
    context: { output, env, cwd, stdin: Readable.from([Buffer.from(stdin)]) },
    stdout: () => stdout,
    stderr: () => stderr,
  };
}
