/** `docs/kes.1`: the manual page, in the macros of man(7). */
import type { CliFacts, CommandFacts, OptionFacts } from "./facts.js";

export function manPage({ version, sections, remoteOptions, variables }: CliFacts): string {
  return [
    '.\\" Made by npm run docs:cli from the table of commands; do not edit.',
    `.TH KES 1 "" "Keswick ${version}" "Keswick"`,
    ".SH NAME",
    `kes ${DASH} key encryption service for object storage: server and command line`,
    ".SH SYNOPSIS",
    ".B kes",
    ".I COMMAND",
    "[\\fIOPTIONS\\fR] [\\fIARGUMENTS\\fR]",
    ".br",
    `.B kes ${text("--version")}`,
    ".br",
    `.B kes ${text("--auto-completion")}`,
    ".SH DESCRIPTION",
    "Runs a key server, and talks to running ones: creates and uses keys, shows policies, identities, logs and",
    "figures. It takes the command lines, the environment and the configuration files of MinIO KES.",
    ".PP",
    "Data goes to standard output, in a form for programs when that is a pipe; notes and errors go to standard error.",
    ...sections.flatMap(({ title, commands }) => [
      `.SH ${text(title.toUpperCase())}`,
      ...commands.flatMap(commandText),
    ]),
    ".SH OPTIONS OF COMMANDS THAT TALK TO A SERVER",
    ...remoteOptions.flatMap(optionText),
    ".SH ENVIRONMENT",
    "Of several names the first that is set counts, even when it is empty.",
    ...variables.flatMap(({ names, description }) => [
      ".TP",
      `.BR ${names.map(text).join(' ", " ')}`,
      ...paragraph(description),
    ]),
    ".SH EXIT STATUS",
    ".TP",
    ".B 0",
    "Done.",
    ".TP",
    ".B 1",
    "An error, or Ctrl-C.",
    ".TP",
    ".B 2",
    "The usage was shown.",
    ".SH SEE ALSO",
    "The documents that come with the program, first of all README.md, docs/cli.md and kes\\-config.yml.",
    "",
  ].join("\n");
}

const DASH = "\\(em";

function commandText({ info, options, isRemote }: CommandFacts): string[] {
  const examples = info.examples.flatMap((line) => [`$ ${line}`]);
  return [
    `.SS ${text(info.usage)}`,
    ...paragraph(info.description),
    ...options.flatMap(optionText),
    ...(isRemote ? [".PP", "Also the options of commands that talk to a server, below."] : []),
    ...(examples.length === 0 ? [] : [".PP", ".EX", ...examples.map(text), ".EE"]),
  ];
}

function optionText({ spellings, value, description }: OptionFacts): string[] {
  const names = spellings.map((spelling) => `\\fB${text(spelling)}\\fR`).join(", ");
  return [".TP", value === undefined ? names : `${names} \\fI${text(value)}\\fR`, ...paragraph(description)];
}

/** Sentences each on a line of its own, as the formatter wants them for the space between. */
function paragraph(description: string): string[] {
  return description.split(/(?<=[.:?]) (?=[A-Z])/).map(text);
}

/** Text as it is: a line must not begin as a request, and hyphens are to be found and pasted. */
function text(plain: string): string {
  const escaped = plain.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll("^", "\\(ha");
  const ascii = escaped.replaceAll("~", "\\(ti").replaceAll("`", "\\(ga").replaceAll("…", "...");
  return /^[.']/.test(ascii) ? `\\&${ascii.replaceAll("'", "\\(aq")}` : ascii.replaceAll("'", "\\(aq");
}
