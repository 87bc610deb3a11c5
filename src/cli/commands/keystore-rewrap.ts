/** `kes keystore rewrap`. */
import { command } from "../command.js";

export const keystoreRewrapCommand = command({
  usage: "kes keystore rewrap [flags] CONFIG [PATTERN]",
  description:
    "Brings the stored keys that match PATTERN, a shell glob (default '*'), to the newest version of the key that the " +
    "key store itself encrypts them with, such as Vault's transit key after it was rotated. Servers may go on " +
    "meanwhile. What is at the newest version already is left alone, so the same command goes on after any " +
    "interruption. Fails when a key could not be rewrapped.",
  options: {
    "dry-run": { type: "boolean", description: "Change nothing, say what would be done" },
    json: { type: "boolean", description: "Print a report as JSON" },
  },
  args: [1, 2],
  examples: [
    "kes keystore rewrap vault.yml --dry-run",
    "kes keystore rewrap vault.yml",
    "kes keystore rewrap vault.yml 'my-*' --json",
  ],

  async run({ args: [configFile = "", pattern], options }, context) {
    const [{ rewrapKeys }, { globOf }] = await Promise.all([
      import("../keystore/rewrap.js"),
      import("../keystore/glob-argument.js"),
    ]);
    const { json, "dry-run": isDryRun } = options;
    return rewrapKeys(context, { configFile, tokens: globOf(pattern), isDryRun, json });
  },
});
