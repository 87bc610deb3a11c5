/** Reads a scripted session and holds output against it; the form is described in test/cli/README.md. */

export type Mode = "pipe" | "terminal";

/** One command and what it must do. */
export interface Step {
  /** 1-based. */
  readonly line: number;
  readonly command: string;
  /** Row of docs/cli.md that it proves. */
  readonly row?: string;
  /** Runs in this mode alone. */
  readonly only?: Mode;
  readonly expected: readonly ExpectedLine[];
  readonly answers: readonly { readonly to: string; readonly type: string }[];
  readonly code: number;
}

export interface ExpectedLine {
  readonly stream: "stdout" | "stderr";
  readonly text: string;
  readonly only?: Mode;
  /** The output ends behind the line before. */
  readonly isEnd?: true;
}

const PLACEHOLDERS: Readonly<Record<string, RegExp>> = {
  identity: /[0-9a-f]{64}/,
  base64: /(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?/,
  "api-key": /kes:v1:[A-Za-z0-9+/]+=*/,
  date: /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/,
  day: /\d{4}-\d\d-\d\d/,
  time: /\d\d:\d\d:\d\d/,
  timestamp: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)/,
  number: /\d+(?:\.\d+)?/,
  duration: /(?:\d+(?:\.\d+)?(?:ns|µs|ms|s|m|h|d))+/,
  size: /\d+(?:\.\d+)? ?[kKMGT]?i?B/,
  version: /\d+\.\d+\.\d+/,
  commit: /[0-9a-f]{40}|unknown/,
  "*": /.*?/,
  " ": / +/,
};

/** @throws Error with the line of what cannot be read */
export function parseSession(file: string, text: string): Step[] {
  const lines = text.replace(/\n+$/, "").split("\n");
  const steps: Step[] = [];
  let row: string | undefined;
  let only: Mode | undefined;
  for (let i = 0; i < lines.length; ) {
    const line = lines[i] ?? "";
    if (line === "") i++;
    else if (line.startsWith("# ")) {
      row = /^# \[([a-z0-9-]+)\]/.exec(line)?.[1] ?? row;
      i++;
    } else if (isMode(line)) {
      only = line.slice(1) as Mode;
      i++;
    } else if (line.startsWith("$ ")) {
      const { step, next } = readStep(file, lines, i);
      steps.push({ ...step, ...(row === undefined ? {} : { row }), ...(only === undefined ? {} : { only }) });
      [row, only, i] = [undefined, undefined, next];
    } else throw new Error(`${file}:${i + 1}: a command, a comment or an empty line is expected`);
  }
  return steps;
}

function readStep(file: string, lines: readonly string[], at: number): { step: Step; next: number } {
  let command = (lines[at] ?? "").slice(2);
  let i = at + 1;
  for (; lines[i]?.startsWith("> "); i++) command += `\n${(lines[i] ?? "").slice(2)}`;
  const expected: ExpectedLine[] = [];
  const answers: { to: string; type: string }[] = [];
  let code = 0;
  let only: Mode | undefined;
  let next = i;
  while (next < lines.length && !beginsStep(lines, next)) next++;
  let end = next;
  while (lines[end - 1] === "") end--;
  for (; i < end; i++) {
    const line = lines[i] ?? "";
    const mode = only === undefined ? {} : { only };
    const push = (stream: "stdout" | "stderr", text: string): void =>
      void expected.push({ stream, text: checked(text, `${file}:${i + 1}`), ...mode });
    if (isMode(line)) only = line.slice(1) as Mode;
    else if (/^\? \d+$/.test(line)) code = Number(line.slice(2));
    else if (line === "!" || line.startsWith("! ")) push("stderr", line.slice(2));
    else if (line === "\\c") expected.push({ stream: "stdout", text: "", isEnd: true, ...mode });
    else if (line.startsWith("\\")) push("stdout", line.slice(1));
    else if (/^< \S.* \S+$/.test(line)) {
      const [, to = "", typed = ""] = /^< (.*) (\S+)$/.exec(line) ?? [];
      answers.push({ to, type: `${typed}\r` });
    } else push("stdout", line);
  }
  return { step: { line: at + 1, command, expected, answers, code }, next };
}

/** A command begins anywhere; a comment, or a mode for a command, only behind an empty line. */
function beginsStep(lines: readonly string[], i: number): boolean {
  const line = lines[i] ?? "";
  if (line.startsWith("$ ")) return true;
  if (lines[i - 1] !== "") return false;
  return line.startsWith("# ") || (isMode(line) && (lines[i + 1] ?? "").startsWith("$ "));
}

function isMode(line: string): boolean {
  return line === "@pipe" || line === "@terminal";
}

const PLACEHOLDER = /<([a-z0-9-]+|\*| )(?:=([a-z_]\w*))?>/g;

/** A misspelt placeholder would otherwise be taken for text. */
function checked(text: string, where: string): string {
  if (text === "<...>") return text;
  for (const [all, name = ""] of text.matchAll(PLACEHOLDER)) {
    if (!Object.hasOwn(PLACEHOLDERS, name)) throw new Error(`${where}: there is no placeholder ${all}`);
  }
  return text;
}

/** What a comparison found. */
export interface Comparison {
  readonly matches: boolean;
  /** Values that placeholders kept. */
  readonly kept: Readonly<Record<string, string>>;
  /** What was expected, with what came in the place of placeholders as far as lines agree: for a readable difference. */
  readonly shown: string;
}

/** @param variables - values of `${name}` in what is expected */
export function compare(
  expected: readonly ExpectedLine[],
  actual: string,
  variables: Readonly<Record<string, string>>,
): Comparison {
  const names: string[] = [];
  const whole = expected
    .map((line, i) => {
      if (line.isEnd) return "";
      const isLast = expected[i + 1]?.isEnd === true;
      if (line.text === "<...>") return isLast ? ".*" : "(?:[^\\n]*\\n)*?";
      return patternOf(line.text, variables, names) + (isLast ? "" : "\\n");
    })
    .join("");
  const match = new RegExp(`^${whole}$`, "s").exec(actual);
  const kept = Object.fromEntries(names.map((name, i) => [name, match?.[i + 1] ?? ""]));
  return { matches: match !== null, kept, shown: shownText(expected, actual, variables) };
}

function patternOf(text: string, variables: Readonly<Record<string, string>>, names: string[]): string {
  const quote = (plain: string): string => plain.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
  const filled = fill(text, variables);
  let pattern = "";
  let from = 0;
  for (const found of filled.matchAll(PLACEHOLDER)) {
    const [all, name = "", keep] = found;
    const { source } = PLACEHOLDERS[name] ?? /(?!)/;
    pattern += quote(filled.slice(from, found.index));
    pattern += keep === undefined ? `(?:${source})` : `(${source})`;
    if (keep !== undefined) names.push(keep);
    from = found.index + all.length;
  }
  return pattern.replaceAll(".*?", "[^\\n]*?") + quote(filled.slice(from));
}

function fill(text: string, variables: Readonly<Record<string, string>>): string {
  return text.replace(/\$\{([a-z_]\w*)\}/g, (all, name: string) => variables[name] ?? all);
}

function shownText(
  expected: readonly ExpectedLine[],
  actual: string,
  variables: Readonly<Record<string, string>>,
): string {
  const lines = actual.split("\n");
  return expected
    .filter(({ isEnd }) => !isEnd)
    .map(({ text }, i) => {
      const line = lines[i] ?? "";
      return new RegExp(`^${patternOf(text, variables, [])}$`).test(line) ? line : fill(text, variables);
    })
    .concat(expected.at(-1)?.isEnd ? [] : [""])
    .join("\n");
}

const ESCAPE = String.fromCharCode(27);
const ESCAPE_SEQUENCE = new RegExp(`${ESCAPE}\\[[0-9;?]*[A-Za-z]`, "g");

/** What is to be seen of a terminal's output: without colours, and of lines written over the last state. */
export function visibleText(output: string): string {
  return output
    .replace(ESCAPE_SEQUENCE, "")
    .split("\n")
    .map((line) => line.replace(/\r+$/, "").split("\r").at(-1) ?? "")
    .join("\n");
}
