/** What both file commands do around their work: open IN, begin OUT, show progress, leave nothing half-done. */
import { dirname, resolve } from "node:path";
import { type CommandContext, CommandError } from "../command.js";
import type { Output } from "../output.js";
import { removeStaleDrafts } from "./drafts.js";
import { createOutFile } from "./out-file.js";
import { formatBytes, Progress } from "./progress.js";
import type { Sink } from "./sink.js";
import { isStandardStream, openSource, type Source } from "./source.js";
import { type OutputPipe, standardOutput } from "./standard-output.js";

export interface FilesOptions {
  /** A path, or `-`. */
  readonly input: string;
  readonly output: string;
  /** Whether OUT may be replaced. */
  readonly force: boolean;
  /**
   * `encrypted`: OUT gets the permissions that new files have. `plaintext`: OUT is for its owner alone, because what was
   * worth encrypting should not become readable for others by the way.
   */
  readonly gives: "encrypted" | "plaintext";
  readonly stdout: OutputPipe;
  readonly signal: AbortSignal;
}

export interface Files {
  readonly source: Source;
  readonly sink: Sink;
  readonly onProgress: (bytes: number) => void;
}

/** Runs `work` and closes both files whatever happens; OUT appears only if `work` has published it. */
export async function withFiles(
  { output, cwd, stdin }: Pick<CommandContext, "output" | "cwd" | "stdin">,
  options: FilesOptions,
  work: (files: Files) => Promise<void>,
): Promise<void> {
  const isEncrypting = options.gives === "encrypted";
  const source = await openSource(options.input, { cwd, stdin, signal: options.signal });
  try {
    const sink = await openSink(options, source, cwd, output);
    let bytes = 0;
    const progress = new Progress({
      label: isEncrypting ? "encrypting" : "decrypting",
      total: source.size,
      screen: output,
      now: () => performance.now(),
    });
    const onProgress = (more: number): void => {
      bytes += more;
      progress.add(more);
    };
    try {
      await tidyUp(options, cwd, output);
      await work({ source, sink, onProgress });
    } finally {
      progress.end();
      await sink.close();
    }
    if (output.isStderrTerminal)
      output.note(`${isEncrypting ? "encrypted" : "decrypted"} ${formatBytes(bytes)} to ${sink.name}`);
  } finally {
    await source.close();
  }
}

async function openSink(
  { output: path, force, gives, stdout }: FilesOptions,
  source: Source,
  cwd: string,
  output: Output,
): Promise<Sink> {
  if (isStandardStream(path, "stdout")) {
    if (gives === "encrypted" && stdout.isTTY === true) {
      throw new CommandError("encrypted bytes are nothing for a terminal", { hints: ["name a file as OUT"] });
    }
    // Success means that all of it was taken: a reader that leaves early is a failure here.
    output.outliveReader();
    return standardOutput(stdout, source.file);
  }
  const mode = gives === "encrypted" ? 0o666 : 0o600;
  return createOutFile(path, { cwd, force, mode, source: source.file });
}

/** Removes what killed runs left where OUT will be. */
async function tidyUp({ output: path }: FilesOptions, cwd: string, output: Output): Promise<void> {
  if (isStandardStream(path, "stdout")) return;
  const removed = await removeStaleDrafts(dirname(resolve(cwd, path)), Date.now());
  const files = removed === 1 ? "file" : "files";
  if (removed > 0) output.note(`removed ${removed} unfinished ${files} of killed runs next to '${path}'`);
}
