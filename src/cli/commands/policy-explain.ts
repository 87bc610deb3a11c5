/** `kes policy explain`: whether a request is allowed, and why. */
import { UsageError } from "../../errors.js";
import { command, EXIT } from "../command.js";
import { remoteOptions } from "../remote/options.js";
import { colorOption, styleOf } from "../style.js";

/** With `--exit-code`: told apart from 1, which stays for failures. */
const EXIT_NOT_ALLOWED = 3;

export const policyExplainCommand = command({
  usage: "kes policy explain --path PATH [--identity ID] [flags] [FILE]",
  description:
    "Says whether a request for PATH is allowed, which rule decides that, and what would change it: by FILE, a " +
    "configuration or a policy document, or without FILE by what a running server tells of the identity's policy " +
    "('-' is standard input). The method of a request plays no part. Exits with 0 whenever it can tell; with " +
    "--exit-code with 0 for allowed and 3 for anything else, and 1 stays for failures.",
  options: {
    path: {
      type: "string",
      value: "PATH",
      description: "Path of the request, for example /v1/key/decrypt/my-key",
    },
    identity: {
      type: "string",
      value: "ID",
      description: "Who asks: an identity, or the file of a certificate or key (default for a server: you)",
    },
    "exit-code": { type: "boolean", description: "Exit with 3 unless it is allowed" },
    json: { type: "boolean", description: "Print a JSON object" },
    ...remoteOptions,
    color: colorOption,
  },
  args: [0, 1],
  examples: [
    "kes policy explain --path /v1/key/decrypt/my-key",
    "kes policy explain --identity client.crt --path /v1/key/create/my-key kes-config.yml",
    "kes policy explain --path /v1/key/delete/my-key policies/minio.yml --exit-code",
  ],

  async run({ args: [file], options }, context) {
    const { output } = context;
    const style = styleOf(output, options.color);
    if (options.path === undefined) throw new UsageError("no path: give it with '--path'");
    const { path } = options;
    const { readIdentity } = await import("../policy/identity-argument.js");
    const identity =
      options.identity === undefined ? undefined : await readIdentity(options.identity, context);
    const { explainRequest } = await import("../../server/explanation.js");
    const { explanationJson, explanationText } = await import("../policy/explanation-text.js");
    const { printJson } = await import("../remote/print.js");
    const { fileRulebook, serverRulebook } = await import("../policy/rulebook.js");

    const tell = ({ asker, rulebook, notes }: Awaited<ReturnType<typeof fileRulebook>>): number => {
      const explanation = explainRequest(path, asker.identity, rulebook);
      for (const note of notes(explanation)) output.note(note);
      if (options.json) printJson(output, explanationJson(explanation, asker));
      else output.data(explanationText(explanation, asker, style));
      return options["exit-code"] && explanation.verdict !== "allowed" ? EXIT_NOT_ALLOWED : EXIT.done;
    };
    if (file !== undefined) return tell(await fileRulebook(file, identity, context));
    const { withClient } = await import("../remote/connect.js");
    return withClient(context, options, async (remote) => tell(await serverRulebook(remote, identity, path)));
  },
});
