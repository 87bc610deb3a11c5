/** Keeps server and load generator on cores of their own, so that neither's work is counted or felt as the other's. */
import { availableParallelism } from "node:os";
import type { Command } from "../../test/support/child-process.js";
import { findOnPath } from "../../test/support/services/folder.js";

export type Side = "server" | "generator";

/**
 * `KESWICK_BENCH_FIRST=1`: server and generator get nearly all of their cores, so that a machine which others use measures
 * nearly as a quiet one, at their cost. It takes root. The kernel shares a core between sessions, so that the usual
 * `nice` would change nothing between programs of two; real-time priority would, but lets a thread wait for another of
 * the same program for up to 100 ms.
 */
export const goesFirst = process.env.KESWICK_BENCH_FIRST === "1";
const FIRST: Command = [
  "setsid",
  ...["sh", "-c", 'echo -20 > /proc/self/autogroup && exec nice -n -20 "$@"', "sh"],
];

/** Whether processes can be pinned here. */
export const canPin = availableParallelism() > 1 && findOnPath("taskset") !== undefined;

/** `command` on the server's core (the first), or on all the others. */
export function pinned(side: Side, command: Command): Command {
  return onCores(side, goesFirst ? [...FIRST, ...command] : command);
}

function onCores(side: Side, command: Command): Command {
  if (!canPin) return command;
  const last = availableParallelism() - 1;
  const cores = side === "server" ? "0" : last === 1 ? "1" : `1-${last}`;
  return ["taskset", "-c", cores, ...command];
}
