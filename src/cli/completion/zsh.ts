/** `kes completion zsh`: a function for zsh's completion system, to be sourced or put into a folder of `fpath`. */
import {
  type CommandModel,
  type CompletionModel,
  type FlagModel,
  type Place,
  programFlags,
  type WordModel,
} from "./model.js";

export function zshScript({ firstWords, groups, commands }: CompletionModel): string {
  const pairs = commands.filter(({ name }) => name.includes(" "));
  const singles = commands.filter(({ name }) => !name.includes(" "));
  return [
    "#compdef kes",
    "# Completion of kes command lines in zsh, made by 'kes completion zsh'. To use it in this shell:",
    "#   source <(kes completion zsh)",
    "_kes() {",
    "  local -a list",
    "  if (( CURRENT == 2 )); then",
    ...choice(firstWords, programFlags),
    "    return",
    "  fi",
    "  if (( CURRENT == 3 )); then",
    '    case "$words[2]" in',
    ...[...groups].flatMap(([group, below]) => [
      `      ${group})`,
      ...choice(below, []).map((line) => `    ${line}`),
      // `kes identity FILE` is a command, too.
      ...(singles.some(({ name }) => name === group) ? [] : ["        return"]),
      "        ;;",
    ]),
    "    esac",
    "  fi",
    "  if (( CURRENT > 3 )); then",
    '    case "$words[2] $words[3]" in',
    ...pairs.flatMap((command) => branch(command, 2)),
    "    esac",
    "  fi",
    '  case "$words[2]" in',
    ...singles.flatMap((command) => branch(command, 1)).map((line) => line.slice(2)),
    "  esac",
    "}",
    "# As a file of fpath this is the body of the function; sourced, it has to be made known.",
    'if [[ "$funcstack[1]" == "_kes" ]]; then _kes "$@"; else compdef _kes kes; fi',
    "",
  ].join("\n");
}

function choice(words: readonly WordModel[], flags: readonly FlagModel[]): string[] {
  const rows = words.map(({ word, summary }) => quoted(`${word}:${summary.replaceAll(":", "\\:")}`));
  const flagRows = flags.map(({ long, description }) =>
    quoted(`--${long}:${description.replaceAll(":", "\\:")}`),
  );
  return [
    "    list=(",
    ...rows.map((text) => `      ${text}`),
    "    )",
    "    _describe -t commands 'kes command' list",
    ...(flagRows.length === 0
      ? []
      : [
          "    list=(",
          ...flagRows.map((text) => `      ${text}`),
          "    )",
          "    _describe -o -t options option list",
        ]),
  ];
}

/** One command: its own words are dropped, so that `_arguments` sees it as a program of its own. */
function branch({ name, flags, argument }: CommandModel, words: number): string[] {
  // Not the blank of action(): what it shows would keep zsh from completing an only flag.
  const rest = argument.kind === "text" ? "()" : action(argument);
  const specs = [...flags.flatMap(flagSpecs), `*:argument:${rest}`];
  return [
    `      ${quoted(name)})`,
    `        shift ${words} words; (( CURRENT -= ${words} ))`,
    "        _arguments -s -S \\",
    ...specs.map((spec, i) => `          ${quoted(spec)}${i < specs.length - 1 ? " \\" : ""}`),
    "        return",
    "        ;;",
  ];
}

function flagSpecs({ long, short, description, repeats, value }: FlagModel): string[] {
  const spellings = [`--${long}`, ...(short === undefined ? [] : [`-${short}`])];
  const text = `[${description.replace(/[[\]\\]/g, "\\$&")}]`;
  const alone = repeats ? "*" : spellings.length > 1 ? `(${spellings.join(" ")})` : "";
  return spellings.map((spelling) => {
    if (value === undefined) return `${alone}${spelling}${text}`;
    const takes = spelling.startsWith("--") ? "=" : "+";
    return `${alone}${spelling}${takes}${text}:${value.name.replaceAll(":", "\\:")}:${action(value.place)}`;
  });
}

/** A single blank: something is expected here, and nothing can be offered. */
function action(place: Place): string {
  if (place.kind === "words") return `(${place.words.join(" ")})`;
  return place.kind === "files" ? "_files" : " ";
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
