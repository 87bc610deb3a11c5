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
  ls: {
    summary: "List keys, identities or policies",
    load: async () => (await import("./commands/ls.js")).lsCommand,
  },
  "key create": {
    summary: "Create keys",
    load: async () => (await import("./commands/key-create.js")).keyCreateCommand,
  },
  "key import": {
    summary: "Import a key made elsewhere",
    load: async () => (await import("./commands/key-import.js")).keyImportCommand,
  },
  "key info": {
    summary: "Show when and by whom a key was created",
    load: async () => (await import("./commands/key-info.js")).keyInfoCommand,
  },
  "key ls": {
    summary: "List keys",
    load: async () => (await import("./commands/key-ls.js")).keyLsCommand,
  },
  "key rm": {
    summary: "Delete keys",
    load: async () => (await import("./commands/key-rm.js")).keyRmCommand,
  },
  "key encrypt": {
    summary: "Encrypt a short message",
    load: async () => (await import("./commands/key-encrypt.js")).keyEncryptCommand,
  },
  "key decrypt": {
    summary: "Decrypt a ciphertext",
    load: async () => (await import("./commands/key-decrypt.js")).keyDecryptCommand,
  },
  "key dek": {
    summary: "Make a data key, in plaintext and encrypted",
    load: async () => (await import("./commands/key-dek.js")).keyDekCommand,
  },
  "key hmac": {
    summary: "Compute the HMAC of a message",
    load: async () => (await import("./commands/key-hmac.js")).keyHmacCommand,
  },
};
