/** Keeps server and load generator on cores of their own, so that neither's work is counted or felt as the other's. */
import { availableParallelism } from "node:os";
import type { Command } from "../../test/support/child-process.js";
import { findOnPath } from "../../test/support/services/folder.js";

export type Side = "server" | "generator";

/** Whether processes can be pinned here. */
export const canPin = availableParallelism() > 1 && findOnPath("taskset") !== undefined;

/** `command` on the server's core (the first), or on all the others. */
export function pinned(side: Side, command: Command): Command {
  if (!canPin) return command;
  const last = availableParallelism() - 1;
  const cores = side === "server" ? "0" : last === 1 ? "1" : `1-${last}`;
  return ["taskset", "-c", cores, ...command];
}
