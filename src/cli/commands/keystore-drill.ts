/** `kes keystore drill`. */
import { command } from "../command.js";
import { openingOptions } from "../keystore/options.js";

export const keystoreDrillCommand = command({
  usage: "kes keystore drill [flags] IN",
  description:
    "Rehearses a restore of the bundle IN without storing anything: that the file is whole and unaltered, how many keys " +
    "are in it, how long it takes, and that each key opens what was sealed with it when the bundle was made.",
  options: {
    ...openingOptions,
    json: { type: "boolean", description: "Print a report as JSON" },
  },
  args: [1, 1],
  examples: ["kes keystore drill backup.kesbundle --key backup.key"],

  async run({ args: [file = ""], options }, context) {
    const { drillBundle } = await import("../keystore/import.js");
    return drillBundle(context, { file, flags: options, json: options.json });
  },
});
