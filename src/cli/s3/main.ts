#!/usr/bin/env node
/** The `kes-s3` command. Loads no more than the command that was called needs. */
import { Output } from "../output.js";
import { run } from "../run.js";
import { s3Commands } from "./commands.js";

const PROGRAM = "kes-s3";

const colour = process.env.NO_COLOR === undefined || process.env.NO_COLOR === "";
const output = new Output(process.stdout, process.stderr, { colour, program: PROGRAM });

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (output.outlivesReader) return;
  // `kes-s3 verify … | head` closes the pipe early: that is the reader's right, not a failure.
  if (error.code === "EPIPE") process.exit(0);
  output.error(`cannot write to standard output: ${error.message}`);
  process.exit(1);
});
// Nobody reads the notes: the exit code still tells how it went.
process.stderr.on("error", () => undefined);

process.exitCode = await run(
  process.argv.slice(2),
  s3Commands,
  {
    output,
    env: process.env,
    cwd: process.cwd(),
    // A getter of Node's own: the stream is made when a command asks for it.
    get stdin() {
      return process.stdin;
    },
  },
  PROGRAM,
);
