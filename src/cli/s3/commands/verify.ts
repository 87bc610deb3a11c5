/** `kes-s3 verify`. */
import { resolve } from "node:path";
import { command, EXIT } from "../../command.js";

export const verifyCommand = command({
  usage: "kes-s3 verify [flags] DIR",
  description:
    "Holds the index of DIR against its files, then opens every object from its first byte to its last, and reports " +
    "damage by object and offset. Keys come from the key service that the environment names. Changes nothing: a server " +
    "may run on DIR meanwhile, and DIR may be a copy that cannot be written. With --rebuild-index no server may run. " +
    "Fails when something is damaged.",
  options: {
    bucket: { type: "string", value: "BUCKET", description: "Only this bucket" },
    "rebuild-index": { type: "boolean", description: "First build the index anew, from the files alone" },
    json: { type: "boolean", description: "A line of JSON for each damaged object, and one at the end" },
  },
  args: [1, 1],
  examples: [
    "kes-s3 verify /srv/s3",
    "kes-s3 verify /srv/s3 --bucket photos --json",
    "kes-s3 verify /srv/s3 --rebuild-index",
  ],

  async run({ args: [dir = ""], options }, context) {
    const [{ interruptible }, { readDirectory, requireFolder }, { verify }] = await Promise.all([
      import("../../interrupt.js"),
      import("../directory.js"),
      import("../verify/verify.js"),
    ]);
    const { bucket, json } = options;
    const chosen = bucket === undefined ? {} : { bucket };
    const folder = resolve(context.cwd, dir);
    await requireFolder(folder);
    let damages = 0;
    if (options["rebuild-index"]) {
      const { rebuild } = await import("../verify/rebuild.js");
      damages = await rebuild(context, folder, json);
    }
    return interruptible(async (signal) => {
      const { store, service } = await readDirectory(context, folder);
      try {
        const code = await verify(context, store, service, { ...chosen, json }, signal);
        return damages > 0 ? EXIT.failed : code;
      } finally {
        await service.close();
      }
    });
  },
});
