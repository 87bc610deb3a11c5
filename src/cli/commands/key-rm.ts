/** `kes key rm`. */
import { type CommandContext, command, EXIT } from "../command.js";
import type { Remote } from "../remote/connect.js";
import { remoteOptions } from "../remote/options.js";

export const keyRmCommand = command({
  usage: "kes key rm [flags] NAME...",
  description:
    "Deletes keys: what they encrypted is lost for good. On a terminal it shows them and asks first. " +
    "Stops at the first that cannot be deleted.",
  options: {
    ...remoteOptions,
    force: { type: "boolean", short: "f", description: "Do not ask" },
  },
  args: [1, Number.POSITIVE_INFINITY],
  examples: ["kes key rm my-key", "kes key rm --force my-key my-other-key"],

  async run({ args, options }, context) {
    // Who cannot see the question or cannot answer it is a script.
    const asks = !options.force && context.stdin.isTTY === true && context.output.isStderrTerminal;
    const { withClient } = await import("../remote/connect.js");
    return withClient(context, options, async (remote) => {
      if (asks && !(await mayDelete(context, remote, args))) {
        context.output.note("nothing was deleted");
        return EXIT.failed;
      }
      const { client, signal, attempt } = remote;
      for (const name of args) {
        await attempt({ ...aboutRemoval(name), path: `/v1/key/delete/${name}` }, () =>
          client.deleteKey(name, { signal }),
        );
      }
      return undefined;
    });
  },
});

function aboutRemoval(name: string): { readonly what: string; readonly key: string } {
  return { what: `failed to remove key "${name}"`, key: name };
}

/** @throws CommandError when one of the keys does not exist, before any is deleted */
async function mayDelete(
  context: CommandContext,
  { client, signal, attempt }: Remote,
  names: readonly string[],
): Promise<boolean> {
  const { isKesError } = await import("../../errors.js");
  const { formatDate } = await import("../remote/print.js");
  const { confirm } = await import("../prompt.js");
  const lines: string[] = [];
  for (const name of names) {
    const info = await attempt(aboutRemoval(name), async () => {
      try {
        return await client.describeKey(name, { signal });
      } catch (error) {
        // Who may delete need not be allowed to look; the question is asked without the answer then.
        if (isKesError(error, "NOT_AUTHORIZED")) return undefined;
        throw error;
      }
    });
    if (info === undefined) lines.push(`${name}: you may not see who created it`);
    else
      lines.push(
        `${name}: created ${formatDate(info.createdAt)} by ${info.createdBy || "an unknown identity"}`,
      );
  }
  for (const line of lines) context.output.note(line);
  // Ctrl-C meanwhile; from here on the question itself hears of it.
  signal.throwIfAborted();
  const what = names.length === 1 ? `key "${names[0]}"` : `these ${names.length} keys`;
  return confirm(
    context,
    `Delete ${what}? What was encrypted with ${names.length === 1 ? "it" : "them"} is lost for good.`,
    "--force deletes without asking",
  );
}
