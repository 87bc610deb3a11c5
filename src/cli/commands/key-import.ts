/** `kes key import`. */
import { UsageError } from "../../errors.js";
import { type CommandContext, CommandError, command } from "../command.js";
import { remoteOptions } from "../remote/options.js";

const ALGORITHMS = ["AES256", "ChaCha20"] as const;

export const keyImportCommand = command({
  usage: "kes key import [flags] NAME [BASE64 | -]",
  description:
    "Imports a key of 32 bytes. It comes from --file, from standard input (-), or as base64 in the command line. " +
    "A file or standard input holds the 32 bytes themselves, or their base64.",
  options: {
    ...remoteOptions,
    file: { type: "string", short: "f", value: "FILE", description: "File that holds the key" },
    algorithm: {
      type: "string",
      value: "NAME",
      choices: ALGORITHMS,
      description: "What the key is for: AES256 (default) or ChaCha20",
    },
    "hmac-key-file": {
      type: "string",
      value: "FILE",
      description: "File that holds the HMAC key, 32 bytes; without it the server draws one",
    },
  },
  args: [1, 2],
  examples: ["openssl rand 32 | kes key import my-key -", "kes key import my-key --file my-key.base64"],

  async run({ args, options }, context) {
    const [name = "", source] = args;
    const algorithm = algorithmOf(options.algorithm);
    const key = await keyOf(context, source, options.file);
    const hmacPath = options["hmac-key-file"];
    const { keyOfFile } = await import("../key/key-material.js");
    const hmacKey = hmacPath === undefined ? undefined : await keyOfFile(context, "HMAC key", hmacPath);
    const { withClient } = await import("../remote/connect.js");
    return withClient(context, options, async ({ client, signal, attempt }) => {
      const about = { what: `failed to import key "${name}"`, path: `/v1/key/import/${name}`, key: name };
      const imported = { key, algorithm, ...(hmacKey === undefined ? {} : { hmacKey }) };
      await attempt(about, () => client.importKey(name, imported, { signal }));
      return undefined;
    }).finally(() => {
      key.fill(0);
      hmacKey?.fill(0);
    });
  },
});

async function keyOf(
  context: CommandContext,
  source: string | undefined,
  file: string | undefined,
): Promise<Buffer> {
  const { keyOfBase64, keyOfFile, keyOfInput } = await import("../key/key-material.js");
  if (source !== undefined && file !== undefined) {
    throw new CommandError("cannot take the key from the command line and from a file at the same time");
  }
  if (file !== undefined) return keyOfFile(context, "key", file);
  if (source === undefined) {
    throw new UsageError(
      "not enough arguments: no key given as --file FILE, '-' or BASE64. See 'kes key import --help'",
    );
  }
  if (source === "-") return keyOfInput(context, "key");
  context.output.note(
    "the key stands in the list of processes: better give it with --file or on standard input",
  );
  return keyOfBase64("key", source);
}

function algorithmOf(text: string = ALGORITHMS[0]): (typeof ALGORITHMS)[number] {
  const algorithm = ALGORITHMS.find((name) => name.toLowerCase() === text.toLowerCase());
  if (algorithm !== undefined) return algorithm;
  throw new UsageError(`invalid argument "${text}" for "--algorithm" flag: neither AES256 nor ChaCha20`);
}
