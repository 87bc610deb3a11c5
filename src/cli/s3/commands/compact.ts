/** `kes-s3 compact`. */
import { resolve } from "node:path";
import { command } from "../../command.js";

export const compactCommand = command({
  usage: "kes-s3 compact [flags] DIR",
  description:
    "Makes the index of DIR as small as it can be. An index takes the room that it once needed, also after most objects " +
    "were deleted. The copy is compared entry by entry before it takes the old one's place; interrupted at any moment, " +
    "the index is the old or the new one. No server may run on DIR meanwhile, and the disk needs room for the copy.",
  options: { json: { type: "boolean", description: "Print JSON" } },
  args: [1, 1],
  examples: ["kes-s3 compact /srv/s3", "kes-s3 compact /srv/s3 --json"],

  async run({ args: [dir = ""], options }, context) {
    const [{ interruptible }, { compact }] = await Promise.all([
      import("../../interrupt.js"),
      import("../compact/compact.js"),
    ]);
    return interruptible((signal) => compact(context, resolve(context.cwd, dir), options.json, signal));
  },
});
