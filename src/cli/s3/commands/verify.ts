/** `kes-s3 verify`. */
import { resolve } from "node:path";
import { command } from "../../command.js";

export const verifyCommand = command({
  usage: "kes-s3 verify [flags] DIR",
  description:
    "Opens every object in DIR from its first byte to its last and reports damage by object and offset. Keys come from " +
    "the key service that the environment names. No server may run on DIR meanwhile. Fails when something is damaged.",
  options: {
    bucket: { type: "string", value: "BUCKET", description: "Only this bucket" },
    json: { type: "boolean", description: "A line of JSON for each damaged object, and one at the end" },
  },
  args: [1, 1],
  examples: ["kes-s3 verify /srv/s3", "kes-s3 verify /srv/s3 --bucket photos --json"],

  async run({ args: [dir = ""], options }, context) {
    const [{ interruptible }, { openDirectory }, { verify }] = await Promise.all([
      import("../../interrupt.js"),
      import("../directory.js"),
      import("../verify/verify.js"),
    ]);
    const { bucket, json } = options;
    const chosen = bucket === undefined ? {} : { bucket };
    return interruptible(async (signal) => {
      const service = await openDirectory(context, resolve(context.cwd, dir));
      try {
        return await verify(context, service, { ...chosen, json }, signal);
      } finally {
        await service.close();
      }
    });
  },
});
