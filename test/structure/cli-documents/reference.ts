/** The part of `docs/cli.md` that is made from the table of commands. */
import type { CliFacts, CommandFacts, OptionFacts } from "./facts.js";

const BEGIN = "<!-- made by npm run docs:cli: begin -->";
const END = "<!-- made by npm run docs:cli: end -->";

/** @throws Error when the marks are not there */
export function withReference(document: string, facts: CliFacts): string {
  const [before, rest] = document.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined)
    throw new Error(`the marks ${BEGIN} and ${END} are missing`);
  return `${before}${BEGIN}\n\n${reference(facts)}\n${END}${after}`;
}

function reference({ sections, remoteOptions, variables }: CliFacts): string {
  return [
    "### Options of commands that talk to a server\n",
    optionTable(remoteOptions),
    "### Environment\n",
    "Of several names the first that is set counts, even when it is empty.\n",
    "| Variables | Mean |\n| --- | --- |",
    `${variables.map(({ names, description }) => row(names.map(code).join(", "), description)).join("\n")}\n`,
    ...sections.flatMap(({ title, commands }) => [`### ${title}\n`, ...commands.map(commandText)]),
  ].join("\n");
}

function commandText({ name, info, options, isRemote }: CommandFacts): string {
  const parts = [`#### ${name}\n`, `${prose(info.description)}\n`, `\`\`\`text\n${info.usage}\n\`\`\`\n`];
  if (options.length > 0) parts.push(optionTable(options));
  if (isRemote) {
    const also = options.length > 0 ? "Also the" : "The";
    parts.push(
      `${also} [options of commands that talk to a server](#options-of-commands-that-talk-to-a-server).\n`,
    );
  }
  if (info.examples.length > 0) parts.push(`\`\`\`sh\n${info.examples.join("\n")}\n\`\`\`\n`);
  return parts.join("\n");
}

function optionTable(options: readonly OptionFacts[]): string {
  const rows = options.map(({ spellings, value, description }) => {
    const [first = "", ...others] = [...spellings].reverse();
    const shown = [...others, value === undefined ? first : `${first} ${value}`];
    return row(shown.map(code).join(", "), prose(description));
  });
  return `| Option | Means |\n| --- | --- |\n${rows.join("\n")}\n`;
}

function row(...cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

/** Text in which Markdown sees nothing of its own. */
function prose(text: string): string {
  return text.replace(/[\\*<`]/g, "\\$&");
}

function code(text: string): string {
  return `\`${text}\``;
}
