/** The table of commands: one line each, loaded only when it is called. */
import type { Command } from "./command.js";

export interface CommandEntry {
  /** For the list in `kes --help`. */
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

/** By name; of a command of two words (`key create`) the first is its group. */
export type CommandTable = Readonly<Record<string, CommandEntry>>;

export const commands: CommandTable = {
  init: {
    summary: "Create keys, certificates and a configuration to start with",
    load: async () => (await import("./commands/init.js")).initCommand,
  },
  server: {
    summary: "Run a key server",
    load: async () => (await import("./commands/server.js")).serverCommand,
  },
  start: {
    summary: "Initialise if needed, then start a server and show how to use it",
    load: async () => (await import("./commands/start.js")).startCommand,
  },
};
