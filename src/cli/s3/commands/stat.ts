/** `kes-s3 stat`. */
import { resolve } from "node:path";
import { CommandError, command } from "../../command.js";

export const statCommand = command({
  usage: "kes-s3 stat [flags] DIR BUCKET/KEY",
  description:
    "Shows how an object in DIR is stored: how it is encrypted, under which key, its sizes and parts. Needs no key " +
    "service. Changes nothing: a server may run on DIR meanwhile.",
  options: { json: { type: "boolean", description: "Print JSON" } },
  args: [2, 2],
  examples: ["kes-s3 stat /srv/s3 photos/2026/sea.jpg", "kes-s3 stat /srv/s3 photos/2026/sea.jpg --json"],

  async run({ args: [dir = "", path = ""], options }, context) {
    const slash = path.indexOf("/");
    const [bucket, key] = [path.slice(0, Math.max(0, slash)), path.slice(slash + 1)];
    if (bucket === "" || key === "") throw new CommandError(`'${path}' is not of the form BUCKET/KEY`);
    const [{ readStore }, { requireFolder }, { heldObject }, { statLines, statReport }, { printable }] =
      await Promise.all([
        import("../folder.js"),
        import("../directory.js"),
        import("../stat/held-object.js"),
        import("../stat-report.js"),
        import("../../terminal/text.js"),
      ]);
    const folder = resolve(context.cwd, dir);
    await requireFolder(folder);
    const store = await readStore(folder);
    try {
      const held = await heldObject(store, bucket, key);
      try {
        const report = statReport(bucket, held);
        const text = options.json
          ? JSON.stringify(report, undefined, 2)
          : statLines(report).map(printable).join("\n");
        context.output.data(`${text}\n`);
        return undefined;
      } finally {
        held.release();
      }
    } finally {
      await store.close();
    }
  },
});
