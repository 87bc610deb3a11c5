/** `kes keystore check`. */
import { command } from "../command.js";
import { colorOption } from "../style.js";

export const keystoreCheckCommand = command({
  usage: "kes keystore check [flags] CONFIG",
  description:
    "Opens the key store that the configuration CONFIG names, and tries everything a server needs of it with a key of " +
    "its own, which is removed again: log in, read, list, create, delete. Prints how long each takes, and for a missing " +
    "permission the line of the policy. Fails when something is missing.",
  options: {
    prefix: {
      type: "string",
      value: "TEXT",
      description:
        "Give the check's own key a name that begins so, where the policy allows only certain names",
    },
    json: { type: "boolean", description: "Print the findings as JSON" },
    color: colorOption,
  },
  args: [1, 1],
  examples: ["kes keystore check kes-config.yml", "kes keystore check kes-config.yml --json"],

  async run({ args: [configFile = ""], options }, context) {
    const { checkConfig } = await import("../keystore/check-config.js");
    return checkConfig(context, { configFile, ...options });
  },
});
