/** What both file commands do around their work: open IN, begin OUT, show progress, leave nothing half-done. */
import { dirname, resolve } from "node:path";
import { type CommandContext, CommandError } from "../command.js";
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
    const sink = await openSink(options, source, cwd, (text) => output.note(text));
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
      await work({ source, sink, onProgress });
    } finally {
      progress.end();
      await sink.close();
    }
    if (output.isStderrTerminal) output.note(`${options.gives} ${sink.name} (read ${formatBytes(bytes)})`);
  } finally {
    await source.close();
  }
}

async function openSink(
  { output, force, gives, stdout }: FilesOptions,
  source: Source,
  cwd: string,
  note: (text: string) => void,
): Promise<Sink> {
  if (isStandardStream(output, "stdout")) {
    if (gives === "encrypted" && stdout.isTTY === true) {
      throw new CommandError("encrypted bytes are nothing for a terminal", { hints: ["name a file as OUT"] });
    }
    return standardOutput(stdout, source.file);
  }
  const mode = gives === "encrypted" ? 0o666 : 0o600;
  const sink = await createOutFile(output, { cwd, force, mode, source: source.file });
  const stale = await removeStaleDrafts(dirname(resolve(cwd, output)), Date.now());
  if (stale > 0)
    note(`removed ${stale} unfinished ${stale === 1 ? "file" : "files"} of killed runs next to ${sink.name}`);
  return sink;
}
