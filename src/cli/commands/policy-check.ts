/** `kes policy check`: what is wrong with policies and configurations. */
import { command, EXIT } from "../command.js";
import { colorOption, styleOf } from "../style.js";

const MAX_FILES = 1000;
const MAX_COLUMNS = 100;

export const policyCheckCommand = command({
  usage: "kes policy check [--strict] [--json] FILE...",
  description:
    "Looks at policy documents, sections 'policy' and whole configurations ('-' for standard input) for rules that " +
    "match nothing or have no effect, identities with two roles, rules wider than what MinIO needs, certificates " +
    "that end, and what else keeps a server from starting. Environment variables and files that a configuration " +
    "names are read as the server reads them. Fails when there are errors.",
  options: {
    strict: { type: "boolean", description: "Fail when there are warnings, too; notes never count" },
    json: {
      type: "boolean",
      description: "Print an array of objects: file, line, column, severity, rule, path, message",
    },
    color: colorOption,
  },
  args: [1, MAX_FILES],
  examples: [
    "kes policy check kes-config.yml",
    "kes policy check --strict policies/*.yml",
    "kes policy for minio --key my-key | kes policy check -",
  ],

  async run({ args, options }, context) {
    const { output } = context;
    const style = styleOf(output, options.color);
    const { readPolicyFile } = await import("../policy/read-file.js");
    const { certificateFindings } = await import("../policy/certificates.js");
    const { findingsOf } = await import("../policy/findings.js");
    const { findingText, summaryText } = await import("../policy/finding-text.js");
    const files = [...new Set(args)];
    const found = new Map<string, ReturnType<typeof findingsOf>[number]>();
    for (const file of files) {
      const { inspection, api } = await readPolicyFile(file, context);
      const ends = await certificateFindings(inspection, Date.now(), context.cwd);
      // A document may be named by a configuration and on the command line.
      for (const finding of findingsOf(inspection, api, ends)) found.set(JSON.stringify(finding), finding);
    }
    const findings = [...found.values()];
    if (options.json) {
      const { printJson } = await import("../remote/print.js");
      printJson(output, findings.map(jsonOf));
    } else {
      const columns = output.isStdoutTerminal ? Math.min(output.size.columns, MAX_COLUMNS) : undefined;
      output.data(findings.map((finding) => `${findingText(finding, style, columns)}\n`).join(""));
      output.note(summaryText(findings, files.length));
    }
    const fails = (severity: string): boolean =>
      severity === "error" || (options.strict && severity === "warning");
    return findings.some(({ severity }) => fails(severity)) ? EXIT.failed : EXIT.done;
  },
});

type Member = "file" | "line" | "column" | "severity" | "rule" | "path" | "message";

/** Members in a fixed order; what is not known is left out. */
function jsonOf({
  file,
  line,
  column,
  severity,
  rule,
  path,
  message,
}: Partial<Record<Member, string | number>>) {
  return { file, line, column, severity, rule, path, message };
}
