/** `kes keystore import`. */
import { CommandError, command } from "../command.js";
import { openingOptions } from "../keystore/options.js";

export const keystoreImportCommand = command({
  usage: "kes keystore import [flags] IN CONFIG",
  description:
    "Stores the keys of the bundle IN in the key store that the configuration CONFIG names. The whole bundle is proved " +
    "before the first key is stored; each key is read back; keys that are there with the same bytes count as done.",
  options: {
    ...openingOptions,
    merge: { type: "boolean", description: "Keep keys that have another value, and report them" },
    force: {
      type: "boolean",
      short: "f",
      description: "Replace keys that have another value; the old values are first kept in a bundle",
    },
    "old-values": {
      type: "string",
      value: "FILE",
      description: "With --force: the bundle for old values (default kes-replaced-TIME.kesbundle)",
    },
    "dry-run": { type: "boolean", description: "Change nothing, say what would be done" },
    json: { type: "boolean", description: "Print a report as JSON" },
  },
  args: [2, 2],
  examples: [
    "kes keystore import keys.kesbundle new.yml --passphrase-file passphrase.txt",
    "kes keystore import backup.kesbundle new.yml --key backup.key --dry-run",
  ],

  async run({ args: [file = "", configFile = ""], options }, context) {
    if (options.force && options.merge) {
      throw new CommandError("'--force' and '--merge' flags are mutually exclusive");
    }
    const [{ importKeys }, { DEFAULT_PARALLEL }, { oldValuesName }] = await Promise.all([
      import("../keystore/import.js"),
      import("../keystore/transfer.js"),
      import("../keystore/old-values.js"),
    ]);
    return importKeys(context, {
      ...{ file, configFile, flags: options, json: options.json, parallel: DEFAULT_PARALLEL },
      mode: options["dry-run"] ? "plan" : "copy",
      onConflict: options.force ? "replace" : options.merge ? "keep" : "abort",
      oldValues: oldValuesName(options["old-values"], new Date()),
    });
  },
});
