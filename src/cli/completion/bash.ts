/** `kes completion bash`: a script for bash 3.2 and later, without the package bash-completion. */
import type { CommandModel, CompletionModel, FlagModel, Place } from "./model.js";
import { programFlags } from "./model.js";

export function bashScript({ firstWords, groups, commands }: CompletionModel): string {
  const words = (list: readonly { word: string }[]): string => list.map(({ word }) => word).join(" ");
  const groupRows = [...groups]
    .filter(([group]) => !commands.some(({ name }) => name === group))
    .map(([group, below]) => row(`'${group} '`, [`words='${words(below)}' flags='--help'`]));
  // `identity` and `identity new`: the longer name must be looked for first.
  const ordered = [...commands].sort((a, b) => b.name.split(" ").length - a.name.split(" ").length);
  return [
    "# Completion of kes command lines in bash, made by 'kes completion bash'. To use it in this shell:",
    "#   source <(kes completion bash)",
    "_kes() {",
    `  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"`,
    "  # bash takes the '=' of --flag=value for a word of its own.",
    '  if [[ "$current" == "=" ]]; then current=""',
    `  elif [[ "$previous" == "=" ]]; then previous="\${COMP_WORDS[COMP_CWORD-2]}"; fi`,
    '  local first="" second="" words="" flags="" files="" line',
    `  ((COMP_CWORD > 1)) && first="\${COMP_WORDS[1]}"`,
    `  ((COMP_CWORD > 2)) && second="\${COMP_WORDS[2]}"`,
    "  COMPREPLY=()",
    '  case "$first $second" in',
    row("' '", [`words='${words(firstWords)}' flags='${longs(programFlags)}'`]),
    ...groupRows,
    ...ordered.map((command) => commandRow(command, words(groups.get(command.name) ?? []))),
    "  esac",
    '  if [[ "$current" == -* ]]; then words="$flags" files=""; fi',
    "  # Without words to choose from, bash offers files; where none belong it is told not to.",
    '  if [[ -z "$files" ]]; then compopt +o default 2>/dev/null; fi',
    '  while IFS="" read -r line; do COMPREPLY+=("$line"); done < <(compgen -W "$words" -- "$current")',
    "}",
    "complete -o default -F _kes kes",
    "",
  ].join("\n");
}

function commandRow({ name, flags, argument }: CommandModel, below: string): string {
  const valued = flags.filter(({ value }) => value !== undefined);
  const patterns = new Map<string, string[]>();
  for (const flag of valued) {
    const set = settings(flag.value?.place ?? { kind: "text" });
    patterns.set(set, [...(patterns.get(set) ?? []), ...spellings(flag)]);
  }
  const isPair = name.includes(" ");
  const lines = [`flags='${longs(flags)}' ${settings(argument)}`];
  if (below !== "") lines.push(`[[ -z "$second" ]] && words='${below}'`);
  if (patterns.size > 0) {
    lines.push('case "$previous" in');
    // A value is typed, so neither flags nor further arguments are.
    for (const [set, all] of patterns) lines.push(`  ${all.join("|")}) flags="" ${set} ;;`);
    lines.push("esac");
  }
  return row(isPair ? `'${name}'` : `'${name} '*`, lines);
}

function settings(place: Place): string {
  if (place.kind === "words") return `words='${place.words.join(" ")}' files=""`;
  return place.kind === "files" ? 'words="" files=1' : 'words="" files=""';
}

function row(pattern: string, lines: readonly string[]): string {
  return [`    ${pattern})`, ...lines.map((line) => `      ${line}`), "      ;;"].join("\n");
}

function spellings({ long, short }: FlagModel): string[] {
  return [`--${long}`, ...(short === undefined ? [] : [`-${short}`])];
}

function longs(flags: readonly FlagModel[]): string {
  return flags.map(({ long }) => `--${long}`).join(" ");
}
