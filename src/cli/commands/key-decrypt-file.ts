/** `kes key decrypt-file`. */
import { command } from "../command.js";
import { remoteOptions } from "../remote/options.js";

export const keyDecryptFileCommand = command({
  usage: "kes key decrypt-file [flags] IN OUT",
  description:
    "Decrypts what 'kes key encrypt-file' made; the file names its key. " +
    "'-' as IN or OUT is standard input or output. OUT appears when all of IN was found to be authentic, or not at " +
    "all; to standard output goes what was found authentic so far, and the exit code tells whether it was all.",
  options: {
    force: { type: "boolean", short: "f", description: "Replace OUT if it exists" },
    ...remoteOptions,
  },
  args: [2, 2],
  examples: [
    "kes key decrypt-file backup.tar.kes backup.tar",
    "kes key decrypt-file documents.tar.kes - | tar -x",
  ],

  async run({ args: [input = "", output = ""], options }, context) {
    const [{ withFiles }, { decryptFile }, { FILE_CONTEXT }, { withClient }] = await Promise.all([
      import("../file/with-files.js"),
      import("../file/decrypt.js"),
      import("../file/header.js"),
      import("../remote/connect.js"),
    ]);
    return withClient(context, options, async ({ client, signal, attempt }) => {
      const files = {
        ...{ input, output, signal },
        force: options.force,
        gives: "plaintext",
        stdout: process.stdout,
      } as const;
      await withFiles(context, files, ({ source, sink, onProgress }) =>
        decryptFile({
          ...{ source, sink, signal, onProgress },
          openDek: ({ keyName, sealedDek }) =>
            attempt(
              {
                what: `failed to decrypt the data key of ${source.name} with key "${keyName}"`,
                path: `/v1/key/decrypt/${keyName}`,
                key: keyName,
              },
              () => client.decrypt(keyName, sealedDek, { context: FILE_CONTEXT, signal }),
            ),
        }),
      );
      return undefined;
    });
  },
});
