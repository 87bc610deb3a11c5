/** The table of `kes-s3`'s commands: one line each, loaded only when it is called. */
import type { CommandTable } from "../commands.js";

export const s3Commands: CommandTable = {
  server: {
    summary: "Run an S3 server that keeps objects in a folder",
    load: async () => (await import("./commands/server.js")).serverCommand,
  },
};
