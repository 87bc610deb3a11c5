/** `kes update`: says how to update. It fetches and replaces nothing: a package manager does that, and checks it. */
import { CommandError, command } from "../command.js";

export const updateCommand = command({
  usage: "kes update [VERSION]",
  description:
    "Says how to update. This program is updated by what installed it, usually npm; it neither fetches nor replaces " +
    "itself. KES's flags are accepted.",
  options: {
    insecure: { type: "boolean", short: "k", description: "Accepted and ignored", hidden: true },
    downgrade: { type: "boolean", short: "d", description: "Accepted and ignored", hidden: true },
    output: { type: "string", short: "o", value: "FILE", description: "Accepted and ignored", hidden: true },
    os: { type: "string", value: "OS", description: "Accepted and ignored", hidden: true },
    arch: { type: "string", value: "ARCH", description: "Accepted and ignored", hidden: true },
    "minisign-key": { type: "string", value: "KEY", description: "Accepted and ignored", hidden: true },
  },
  args: [0, 1],
  examples: ["kes update"],

  async run({ args: [wanted = "latest"] }) {
    const { packageInfo } = await import("../package-root.js");
    const { version } = packageInfo();
    // What is pasted into a shell holds nothing that a shell would read otherwise.
    const target = /^v?\d[\w.+-]*$/.test(wanted) ? wanted.replace(/^v/, "") : "latest";
    throw new CommandError(`kes does not update itself; this is version ${version}`, {
      hints: [
        `installed with npm: npm install --global keswick@${target}`,
        `in a project: npm install keswick@${target}`,
        "restart the servers afterwards: the files of an installed version must not change under a running one",
      ],
    });
  },
});
