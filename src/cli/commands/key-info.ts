/** `kes key info`. */
import { command } from "../command.js";
import { remoteOptions } from "../remote/options.js";
import { colorOption, styleOf } from "../style.js";

export const keyInfoCommand = command({
  usage: "kes key info [flags] NAME",
  description: "Shows what the server knows of a key: algorithm, when and by whom it was created.",
  options: {
    ...remoteOptions,
    json: { type: "boolean", description: "Print JSON" },
    color: colorOption,
  },
  args: [1, 1],
  examples: ["kes key info my-key", "kes key info my-key --json"],

  async run({ args, options }, context) {
    const [name = ""] = args;
    const { output } = context;
    const style = styleOf(output, options.color);
    const { withClient } = await import("../remote/connect.js");
    const { formatDate, printJson } = await import("../remote/print.js");
    const { printable } = await import("../terminal/text.js");
    return withClient(context, options, async ({ client, signal, attempt }) => {
      const about = {
        what: `failed to describe key "${name}"`,
        path: `/v1/key/describe/${name}`,
        key: name,
      };
      const info = await attempt(about, () => client.describeKey(name, { signal }));
      if (options.json) {
        printJson(output, {
          name: info.name,
          ...(info.id === undefined ? {} : { id: info.id }),
          algorithm: info.algorithm,
          created_at: info.createdAt,
          created_by: info.createdBy,
        });
        return undefined;
      }
      const lines = Object.entries({
        Name: info.name,
        Algorithm: info.algorithm,
        Date: formatDate(info.createdAt),
        Owner: info.createdBy,
      }).map(([label, value]) => `${style.bold(label.padEnd(LABEL_COLUMNS))} ${printable(value)}`);
      // KES leaves the last line open, which a script may count on and a shell's prompt would be glued to.
      output.data(lines.join("\n") + (output.isStdoutTerminal ? "\n" : ""));
      return undefined;
    });
  },
});

const LABEL_COLUMNS = 11;
