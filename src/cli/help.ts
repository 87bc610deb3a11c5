/** The layout of `kes --help` and of a group's help, for 80 columns and from the table of commands alone. */
import type { CommandTable } from "./commands.js";

const COLUMNS = 80;
const INDENT = "  ";

/** Heading → first words of the commands under it. What is in none stands under {@link REST}. */
const sections: Readonly<Record<string, readonly string[]>> = {
  "Keys:": ["key"],
  "Policies:": ["policy"],
  "Identities:": ["identity"],
  "Running servers:": ["status", "log", "metric", "top", "ls"],
  "A server of your own:": ["init", "start", "server"],
  "Key stores:": ["keystore", "migrate"],
};
const REST = "This program:";

type Row = readonly [label: string, text: string];

/** The text of `kes --help`, or with `group` that of `kes GROUP --help`; ends with a line end. */
export function usageText(table: CommandTable, group?: string, program = "kes"): string {
  const options: Row[] = [["-h, --help", "Print this help"]];
  if (group === undefined) {
    options.unshift(["-v, --version", "Print version information"]);
    if (program === "kes") {
      options.push(["--auto-completion", "Complete kes command lines in bash and zsh from now on"]);
    }
  }
  // A group that is a command, too, has told its usage and its options by itself.
  if (group !== undefined && Object.hasOwn(table, group)) {
    const below = rowsOf(table, (name) => name.startsWith(`${group} `));
    return `Further commands:\n${below.map((row) => layOut(row, widthOf(below))).join("\n")}\n`;
  }
  const blocks =
    group === undefined && program === "kes"
      ? sectionsOf(table)
      : [
          {
            title: "Commands:",
            rows: rowsOf(table, (name) => group === undefined || firstWord(name) === group),
          },
        ];
  const rows = [...blocks.flatMap((block) => block.rows), ...options];
  const width = widthOf(rows);
  const name = group === undefined ? program : `${program} ${group}`;
  return [
    `Usage:\n${INDENT}${name} COMMAND [OPTIONS] [ARGUMENTS]`,
    ...[...blocks, { title: "Options:", rows: options }].map(
      (block) => `${block.title}\n${block.rows.map((row) => layOut(row, width)).join("\n")}`,
    ),
    `'${name} COMMAND --help' shows the options and examples of a command.\n`,
  ].join("\n\n");
}

/** The commands of the table under their headings. */
export function sectionsOf(table: CommandTable): { title: string; rows: Row[] }[] {
  const placed = new Set(Object.values(sections).flat());
  return [
    ...Object.entries(sections).map(([title, words]) => ({
      title,
      // In the order of the section, and within a group in that of the table.
      rows: words.flatMap((word) => rowsOf(table, (name) => firstWord(name) === word)),
    })),
    { title: REST, rows: rowsOf(table, (name) => !placed.has(firstWord(name))) },
  ].filter(({ rows }) => rows.length > 0);
}

function rowsOf(table: CommandTable, isWanted: (name: string) => boolean): Row[] {
  return Object.entries(table)
    .filter(([name]) => isWanted(name))
    .map(([name, { summary }]) => [name, summary]);
}

function widthOf(rows: readonly Row[]): number {
  return Math.max(...rows.map(([label]) => label.length)) + 2;
}

function firstWord(name: string): string {
  return name.split(" ")[0] ?? name;
}

/** `  label   text`, the text broken before the 80th column and continued under its beginning. */
function layOut([label, text]: Row, width: number): string {
  const room = COLUMNS - INDENT.length - width;
  const lines = [""];
  for (const word of text.split(" ")) {
    const last = lines.at(-1) ?? "";
    if (last !== "" && last.length + 1 + word.length > room) lines.push(word);
    else lines[lines.length - 1] = last === "" ? word : `${last} ${word}`;
  }
  return lines.map((line, i) => `${INDENT}${(i === 0 ? label : "").padEnd(width)}${line}`).join("\n");
}
