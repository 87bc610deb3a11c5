/** `kes audit show`: who did what, out of the files of an audit log. */
import { command, EXIT } from "../command.js";
import { countOf } from "../positive.js";
import { colorOption, styleOf } from "../style.js";

const MAX_FILES = 10_000;
/** Lines that are no records and named one by one; the others are counted. */
const MAX_NAMED = 5;

export const auditShowCommand = command({
  usage: "kes audit show [FILTERS] [--json] FILE...",
  description:
    "Shows the requests that an audit log holds, oldest first, and what the server tells of losses and damage. An event " +
    "must fit one value of each filter. Shows what stands there: whether it is whole says 'kes audit verify'.",
  options: {
    since: {
      type: "string",
      value: "TIME",
      description: "From then on: 2026-01-31, an RFC 3339 time, or 24h, 2d ago",
    },
    until: { type: "string", value: "TIME", description: "Up to then" },
    identity: {
      type: "list",
      value: "IDENTITY",
      description: "These callers alone: identities or their beginnings, 'none' for those without",
    },
    key: {
      type: "list",
      value: "NAME",
      description: "These keys alone; a '*' at the end stands for any rest",
    },
    path: { type: "list", value: "PATTERN", description: "These paths alone, as policies write them" },
    status: { type: "list", value: "STATUS", description: "These answers alone: 403, 4xx, '>=400', '!200'" },
    all: { type: "boolean", description: "Checkpoints, beginnings of files and intended changes, too" },
    json: { type: "boolean", description: "The lines as they stand in the file" },
    count: { type: "string", short: "n", value: "N", description: "End after N events" },
    color: colorOption,
  },
  args: [1, MAX_FILES],
  examples: [
    "kes audit show --status '>=400' audit.log*",
    "kes audit show --since 2026-01-31 --key 'my-*' --json audit.log | jq -r .request.identity",
  ],

  async run({ args, options }, context) {
    const { output, cwd } = context;
    const count = countOf("count", options.count) ?? Number.POSITIVE_INFINITY;
    const style = styleOf(output, options.color);
    const { chainFiles } = await import("../audit/files.js");
    const { lineFilter } = await import("../audit/filter.js");
    const { headerRow, lineRow } = await import("../audit/rows.js");
    const { linesOfFiles } = await import("../../audit/file/lines.js");
    const { membersOf } = await import("../../audit/file/line.js");
    const { interruptible } = await import("../interrupt.js");
    const passes = lineFilter(options, Date.now());
    const { files } = await chainFiles(args, cwd);
    return interruptible(async (signal) => {
      const columns = output.isStdoutTerminal ? output.size.columns : undefined;
      let shown = 0;
      let unreadable = 0;
      for await (const { file, line, number } of linesOfFiles(files, cwd)) {
        signal.throwIfAborted();
        const members = membersOf(line);
        if (members === undefined) {
          if (unreadable++ < MAX_NAMED) output.note(`${file}:${number}: not a record`);
        } else if (passes(members)) {
          if (shown++ === 0 && !options.json) output.data(`${style.underline(headerRow(columns))}\n`);
          output.data(`${options.json ? line.toString() : lineRow(members, style, columns)}\n`);
          if (shown >= count) break;
        }
      }
      if (unreadable > MAX_NAMED) {
        output.note(`… and ${unreadable - MAX_NAMED} more: 'kes audit verify' says whether the log is whole`);
      }
      return unreadable === 0 ? EXIT.done : EXIT.failed;
    });
  },
});
