#!/usr/bin/env node
/** The `kes` command. Loads no more than the command that was called needs. */
import { commands } from "./commands.js";
import { Output } from "./output.js";
import { run } from "./run.js";

// `kes key ls | head` closes the pipe early: that is the reader's right, not a failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

const colour = process.env.NO_COLOR === undefined || process.env.NO_COLOR === "";
process.exitCode = await run(process.argv.slice(2), commands, {
  output: new Output(process.stdout, process.stderr, { colour }),
  env: process.env,
  cwd: process.cwd(),
});
