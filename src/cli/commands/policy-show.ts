/** `kes policy show`. */
import { command } from "../command.js";
import { remoteOptions } from "../remote/options.js";
import { colorOption, styleOf } from "../style.js";

export const policyShowCommand = command({
  usage: "kes policy show [flags] NAME",
  description: "Shows the rules of a policy, sorted: on a terminal as lists, else as JSON.",
  options: {
    ...remoteOptions,
    json: { type: "boolean", description: "Print JSON on a terminal, too" },
    color: colorOption,
  },
  args: [1, 1],
  examples: ["kes policy show minio", "kes policy show minio --json"],

  async run({ args: [name = ""], options }, context) {
    const { output } = context;
    const style = styleOf(output, options.color);
    const { withClient } = await import("../remote/connect.js");
    const { printJson } = await import("../remote/print.js");
    const { localDate } = await import("../policy/local-date.js");
    const { printable } = await import("../terminal/text.js");
    return withClient(context, options, async ({ client, signal, attempt }) => {
      const about = { what: `failed to show policy "${name}"`, path: `/v1/policy/read/${name}` };
      const policy = await attempt(about, () => client.readPolicy(name, { signal }));
      const rules = { allow: [...policy.allow].sort(), deny: [...policy.deny].sort() };
      if (options.json || !output.isStdoutTerminal) {
        const { createdAt: created_at, createdBy: created_by } = policy;
        printJson(output, { allow: keyed(rules.allow), deny: keyed(rules.deny), created_at, created_by });
        return undefined;
      }
      const list = (title: string, patterns: readonly string[]): string[] =>
        patterns.length === 0 ? [] : [title, ...patterns.map((pattern) => `  · ${printable(pattern)}`), ""];
      const lines = [
        ...list(style.green("Allow:"), rules.allow),
        ...list(style.red("Deny:"), rules.deny),
        `${style.bold("Created at:")} ${localDate(policy.createdAt)}`,
        `${style.bold("Created by:")} ${printable(policy.createdBy)}`,
      ];
      output.data(`${lines.join("\n")}\n`);
      return undefined;
    });
  },
});

/** As on the wire: an object with the patterns for keys. */
function keyed(patterns: readonly string[]): Record<string, object> {
  return Object.fromEntries(patterns.map((pattern) => [pattern, {}]));
}
