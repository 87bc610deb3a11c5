/** `kes policy info`. */
import { command } from "../command.js";
import { remoteOptions } from "../remote/options.js";
import { colorOption, styleOf } from "../style.js";

const LABEL_COLUMNS = 11;

export const policyInfoCommand = command({
  usage: "kes policy info [flags] NAME",
  description: "Shows when and by whom a policy was made. Its rules: 'kes policy show'.",
  options: {
    ...remoteOptions,
    json: { type: "boolean", description: "Print JSON" },
    color: colorOption,
  },
  args: [1, 1],
  examples: ["kes policy info minio", "kes policy info minio --json"],

  async run({ args: [name = ""], options }, context) {
    const { output } = context;
    const style = styleOf(output, options.color);
    const { withClient } = await import("../remote/connect.js");
    const { printJson } = await import("../remote/print.js");
    const { localDate } = await import("../policy/local-date.js");
    const { printable } = await import("../terminal/text.js");
    return withClient(context, options, async ({ client, signal, attempt }) => {
      const about = { what: `failed to describe policy "${name}"`, path: `/v1/policy/describe/${name}` };
      const info = await attempt(about, () => client.describePolicy(name, { signal }));
      if (options.json) {
        printJson(output, { name: info.name, created_at: info.createdAt, created_by: info.createdBy });
        return undefined;
      }
      const values = { Name: info.name, Date: localDate(info.createdAt), "Created by": info.createdBy };
      const lines = Object.entries(values).map(
        ([label, value]) => `${style.bold(label.padEnd(LABEL_COLUMNS))} ${printable(value)}\n`,
      );
      output.data(lines.join(""));
      return undefined;
    });
  },
});
