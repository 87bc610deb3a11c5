/** `kes doctor`: what is wrong with a server or the way to it, and what mends it. */
import { resolve } from "node:path";
import { command, EXIT } from "../command.js";
import { remoteOptions } from "../remote/options.js";
import { colorOption, styleOf } from "../style.js";

/** Widest text: longer lines are hard to read. */
const MAX_COLUMNS = 110;

export const doctorCommand = command({
  usage: "kes doctor [-k] [--key NAME] [--json] [CONFIG | --server HOST[:PORT]...]",
  description:
    "Looks at the set-up of a server and tells for everything that is wrong what mends it. With CONFIG at its files, " +
    "before it runs: configuration, certificate, file modes, keystore, limits. Otherwise at running servers, one " +
    "after the other: connection, certificate, names, clocks, who you are there and what you may do, the keystore, " +
    "and with --key a data key made and opened. With CONFIG and --server at both. Changes nothing. Fails when " +
    "there are errors.",
  options: {
    ...remoteOptions,
    key: {
      type: "string",
      value: "NAME",
      description: "Make and open a data key with NAME, and check whether MinIO could work with it",
    },
    create: { type: "boolean", description: "Create the key of --key when it is missing" },
    json: {
      type: "boolean",
      description: "Print an array of objects: subject, check, level, message, remedy",
    },
    color: colorOption,
  },
  args: [0, 1],
  examples: ["kes doctor", "kes doctor --key my-key", "kes doctor kes-config.yml"],

  async run({ args: [config], options }, context) {
    const { output } = context;
    const style = styleOf(output, options.color);
    const [{ interruptible }, { reportText, reportJson, summaryText, hasErrors }, { examine }] =
      await Promise.all([
        import("../interrupt.js"),
        import("../doctor/report.js"),
        import("../doctor/examine.js"),
      ]);
    const { key, create } = options;
    const configFile = config === undefined ? undefined : resolve(context.cwd, config);
    const sections = await interruptible((signal) =>
      examine(context, {
        configFile,
        key,
        isCreating: create,
        remote: options,
        signal,
      }),
    );
    if (options.json) {
      const { printJson } = await import("../remote/print.js");
      printJson(output, reportJson(sections));
    } else {
      output.data(reportText(sections, style, Math.min(output.size.columns, MAX_COLUMNS)));
      output.note(summaryText(sections));
    }
    return hasErrors(sections) ? EXIT.failed : EXIT.done;
  },
});
