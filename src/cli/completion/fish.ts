/** `kes completion fish`: one `complete` line for every word and flag. */
import {
  type CommandModel,
  type CompletionModel,
  type FlagModel,
  type Place,
  programFlags,
} from "./model.js";

export function fishScript({ firstWords, groups, commands }: CompletionModel): string {
  const pairs = commands.filter(({ name }) => name.includes(" ")).map(({ name }) => quoted(name));
  const line = (condition: string, rest: string): string => `complete -c kes -n ${quoted(condition)} ${rest}`;
  return [
    "# Completion of kes command lines in fish, made by 'kes completion fish'. To use it from now on:",
    "#   kes completion fish > ~/.config/fish/completions/kes.fish",
    "",
    "# The command that the words before the cursor name: 'key create', 'status', or nothing yet.",
    "function __kes_command",
    "    set -l words (commandline -opc)",
    '    switch "$words[2] $words[3]"',
    `        case ${pairs.join(" ")}`,
    '            echo "$words[2] $words[3]"',
    "        case '*'",
    '            echo "$words[2]"',
    "    end",
    "end",
    "",
    "# Whether exactly these words stand before the cursor.",
    "function __kes_words_are",
    "    set -l words (commandline -opc)",
    '    test "$words[2..-1]" = "$argv"',
    "end",
    "",
    "complete -c kes -e",
    "complete -c kes -f",
    ...firstWords.map(({ word, summary }) =>
      line("__kes_words_are", `-a ${quoted(word)} -d ${quoted(summary)}`),
    ),
    ...programFlags.map((flag) => line("__kes_words_are", flagArguments(flag))),
    ...[...groups].flatMap(([group, below]) =>
      below.map(({ word, summary }) =>
        line(`__kes_words_are ${group}`, `-a ${quoted(word)} -d ${quoted(summary)}`),
      ),
    ),
    ...commands.flatMap(({ name, flags, argument }: CommandModel) => {
      const condition = `test (__kes_command) = "${name}"`;
      const values = placeArguments(argument);
      return [
        ...flags.map((flag) => line(condition, flagArguments(flag))),
        ...(values === "" ? [] : [line(condition, values)]),
      ];
    }),
    "",
  ].join("\n");
}

function flagArguments({ long, short, description, value }: FlagModel): string {
  const parts = [`-l ${long}`];
  if (short !== undefined) parts.push(`-s ${short}`);
  if (value !== undefined) {
    // -r wants a value, -f keeps files out of it, -F lets them in again.
    const { place } = value;
    parts.push(place.kind === "files" ? "-r -F" : "-r -f");
    if (place.kind === "words") parts.push(placeArguments(place));
  }
  return [...parts, `-d ${quoted(description)}`].join(" ");
}

function placeArguments(place: Place): string {
  if (place.kind === "words") return `-a ${quoted(place.words.join(" "))}`;
  return place.kind === "files" ? "-F" : "";
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}
