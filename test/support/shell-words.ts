/** The commands of a shell script, as far as the documents use the shell: enough to check them, not to run them. */

/** Programs and arguments of every command in `script`, those in `$(…)` and in function bodies included. */
export function commandsOf(script: string): string[][] {
  const joined = script.replace(/\\\n/g, " ").replace(/^\s*#.*$/gm, "");
  const inner: string[] = [];
  // Substitutions are not nested in documents; one that is would leave its bracket behind and be noticed.
  const outer = joined.replace(/\$\(([^()]*)\)/g, (_, command: string) => {
    inner.push(command);
    return "SUBSTITUTED";
  });
  return [outer, ...inner]
    .flatMap(split)
    .map(withoutPrefix)
    .filter((words) => words.length > 0);
}

const WORD = /(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\;&|(){}<>])+/y;
const OPERATOR = /&&|\|\||[;&|\n{}()]|[0-9]?>{1,2}|</y;

function split(script: string): string[][] {
  const commands: string[][] = [[]];
  for (let at = 0; at < script.length; ) {
    WORD.lastIndex = at;
    OPERATOR.lastIndex = at;
    const operator = OPERATOR.exec(script)?.[0];
    const word = operator === undefined ? WORD.exec(script)?.[0] : undefined;
    if (operator?.includes(">") || operator === "<") commands.at(-1)?.push(operator);
    else if (operator !== undefined) commands.push([]);
    else if (word !== undefined) commands.at(-1)?.push(unquoted(word));
    at += (operator ?? word ?? " ").length;
  }
  return commands;
}

function unquoted(word: string): string {
  return word.replace(/"((?:\\.|[^"\\])*)"|'([^']*)'|\\(.)/g, (_, double, single, bare) =>
    double !== undefined ? String(double).replace(/\\(["\\$`])/g, "$1") : String(single ?? bare ?? ""),
  );
}

/** Without assignments before the program and without redirections. */
function withoutPrefix(words: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? "";
    if (/^[0-9]?>{1,2}$|^<$/.test(word)) i++;
    else if (kept.length > 0 || !/^[A-Za-z_]\w*=/.test(word)) kept.push(word);
  }
  return kept;
}
