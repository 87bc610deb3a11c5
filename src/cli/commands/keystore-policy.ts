/** `kes keystore policy`. */
import { command } from "../command.js";

export const keystorePolicyCommand = command({
  usage: "kes keystore policy CONFIG",
  description:
    "Prints the least policy that the key store of the configuration CONFIG must give its log-in, in the key store's own " +
    "language: a Vault policy, or an IAM policy. The key store is not asked.",
  options: {},
  args: [1, 1],
  examples: ["kes keystore policy vault.yml"],

  async run({ args: [configFile = ""] }, context) {
    const { printPolicy } = await import("../keystore/check-config.js");
    await printPolicy(context, configFile);
    return undefined;
  },
});
