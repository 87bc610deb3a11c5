/** `kes key encrypt-file`. */
import { command } from "../command.js";
import { remoteOptions } from "../remote/options.js";

export const keyEncryptFileCommand = command({
  usage: "kes key encrypt-file [flags] NAME IN OUT",
  description:
    "Encrypts a file of any size with a data key of its own, which the key NAME encrypts in turn. " +
    "'-' as IN or OUT is standard input or output. OUT appears when it is complete, or not at all.",
  options: {
    force: { type: "boolean", short: "f", description: "Replace OUT if it exists" },
    ...remoteOptions,
  },
  args: [3, 3],
  examples: [
    "kes key encrypt-file my-key backup.tar backup.tar.kes",
    "tar -c documents | kes key encrypt-file my-key - documents.tar.kes",
  ],

  async run({ args: [name = "", input = "", output = ""], options }, context) {
    const { keyName } = await import("../../names.js");
    const { KesError } = await import("../../errors.js");
    const checked = keyName(name);
    if (checked === undefined) throw new KesError("KEY_NAME_INVALID", [name]);

    const [{ withFiles }, { encryptFile }, { FILE_CONTEXT }, { secureRandom }, { withClient }] =
      await Promise.all([
        import("../file/with-files.js"),
        import("../file/encrypt.js"),
        import("../file/header.js"),
        import("../../crypto/random.js"),
        import("../remote/connect.js"),
      ]);
    return withClient(context, options, async ({ client, signal, attempt }) => {
      const about = {
        what: `failed to generate a data key with key "${name}"`,
        path: `/v1/key/generate/${name}`,
        key: name,
      };
      const files = {
        ...{ input, output, signal },
        force: options.force,
        gives: "encrypted",
        stdout: process.stdout,
      } as const;
      await withFiles(context, files, ({ source, sink, onProgress }) =>
        encryptFile({
          ...{ source, sink, signal, onProgress },
          keyName: checked,
          generate: () => attempt(about, () => client.generateKey(name, { context: FILE_CONTEXT, signal })),
          random: secureRandom,
        }),
      );
      return undefined;
    });
  },
});
