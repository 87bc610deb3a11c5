/** `kes keystore export`. */
import { command } from "../command.js";
import { sealingOptions } from "../keystore/options.js";

export const keystoreExportCommand = command({
  usage: "kes keystore export [flags] CONFIG OUT",
  description:
    "Writes all keys of the key store that the configuration CONFIG names into the encrypted bundle OUT. " +
    "OUT appears when it is complete, or not at all.",
  options: {
    ...sealingOptions,
    keys: { type: "string", value: "PATTERN", description: "Only the keys that match this shell glob" },
    "skip-failed": { type: "boolean", description: "Leave out what cannot be read, and fail at the end" },
    force: { type: "boolean", short: "f", description: "Replace OUT if it exists" },
    json: { type: "boolean", description: "Print a report as JSON" },
  },
  args: [2, 2],
  examples: [
    "kes keystore export kes-config.yml keys.kesbundle --passphrase-file passphrase.txt",
    "kes keystore export kes-config.yml backup.kesbundle --recipient backup.pub",
  ],

  async run({ args: [configFile = "", out = ""], options }, context) {
    const { exportKeys } = await import("../keystore/export.js");
    const { globOf } = await import("../keystore/glob-argument.js");
    return exportKeys(context, {
      ...{ configFile, out, flags: options, force: options.force, json: options.json },
      tokens: globOf(options.keys),
      pattern: options.keys,
      skipFailed: options["skip-failed"],
    });
  },
});
