/** `kes identity info`: who somebody is to the server, and what the caller itself may do there. */
import { command } from "../command.js";
import { remoteOptions } from "../remote/options.js";
import { colorOption, styleOf } from "../style.js";

export const identityInfoCommand = command({
  usage: "kes identity info [flags] [IDENTITY]",
  description:
    "Shows what the server knows of an identity: its role and its policy. Without IDENTITY asks for the caller's own, " +
    "which is always allowed, and shows the rules of the policy as well.",
  options: {
    ...remoteOptions,
    json: { type: "boolean", description: "Print JSON" },
    color: colorOption,
  },
  args: [0, 1],
  examples: [
    "kes identity info",
    "kes identity info 3ecfcdf38fcbe141ae26a1030f81e96b753365a46760ae6b578698a97c59fd22",
    "kes identity info --json",
  ],

  async run({ args: [identity], options }, context) {
    const style = styleOf(context.output, options.color);
    const { withClient } = await import("../remote/connect.js");
    const { identityText, jsonOf } = await import("../identity/info.js");
    return withClient(context, options, async ({ client, signal, attempt }) => {
      const about =
        identity === undefined
          ? { what: "failed to describe the identity of this client", path: "/v1/identity/self/describe" }
          : {
              what: `failed to describe identity "${identity}"`,
              path: `/v1/identity/describe/${identity}`,
            };
      const info = await attempt(about, () =>
        identity === undefined
          ? client.describeSelf({ signal })
          : client.describeIdentity(identity, { signal }),
      );
      if (options.json) {
        const { printJson } = await import("../remote/print.js");
        printJson(context.output, jsonOf(info));
      } else context.output.data(identityText(style, info));
      return undefined;
    });
  },
});
