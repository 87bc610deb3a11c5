/** `kes server reload`. */
import { CommandError, command } from "../command.js";
import { remoteOptions } from "../remote/options.js";

export const serverReloadCommand = command({
  usage: "kes server reload [flags]",
  description:
    "Has servers read their configuration again, as the signal SIGHUP does: all or nothing, and nothing under way is " +
    "lost. Of several servers each is asked. Why one could not is in its error log. Needs the admin, or a policy that " +
    "allows /v1/server/reload.",
  options: remoteOptions,
  args: [0, 0],
  examples: ["kes server reload", "kes server reload --server 127.0.0.1:7373"],

  async run({ options }, context) {
    const { withEachServer } = await import("../remote/each-server.js");
    const { isKesError } = await import("../../errors.js");
    return withEachServer(context, options, async (targets, signal) => {
      const failures = await Promise.all(
        targets.map(async (target) => {
          try {
            await target.client.reload({ signal });
            return undefined;
          } catch (error) {
            signal.throwIfAborted();
            return target.explain(error, {
              // The server's own words are that it failed to reload.
              what: isKesError(error, "RELOAD_FAILED") ? target.name : `failed to reload ${target.name}`,
              path: "/v1/server/reload",
            });
          }
        }),
      );
      const failed = failures.filter((failure) => failure !== undefined);
      for (const [i, failure] of failures.entries()) {
        if (failure === undefined) context.output.note(`reloaded ${targets[i]?.name}`);
      }
      if (failed.length === 1) throw failed[0];
      if (failed.length === 0) return undefined;
      const messages = failed.map((failure) =>
        failure instanceof Error ? failure.message : String(failure),
      );
      throw new CommandError(messages.join("\n"));
    });
  },
});
