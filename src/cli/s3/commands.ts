/** The table of `kes-s3`'s commands: one line each, loaded only when it is called. */
import type { CommandTable } from "../commands.js";

export const s3Commands: CommandTable = {
  start: {
    summary: "Start an S3 server, with a key server where none is configured, and show how to use it",
    load: async () => (await import("./commands/start.js")).startCommand,
  },
  server: {
    summary: "Run an S3 server that keeps objects in a folder",
    load: async () => (await import("./commands/server.js")).serverCommand,
  },
  gateway: {
    summary: "Run an S3 server that keeps objects in another S3 service",
    load: async () => (await import("./commands/gateway.js")).gatewayCommand,
  },
  rotate: {
    summary: "Seal the keys of stored objects under another key",
    load: async () => (await import("./commands/rotate.js")).rotateCommand,
  },
  verify: {
    summary: "Open every stored object and report damage",
    load: async () => (await import("./commands/verify.js")).verifyCommand,
  },
  compact: {
    summary: "Give back the room that an index does not need any more",
    load: async () => (await import("./commands/compact.js")).compactCommand,
  },
  stat: {
    summary: "Show how an object is stored and encrypted",
    load: async () => (await import("./commands/stat.js")).statCommand,
  },
};
