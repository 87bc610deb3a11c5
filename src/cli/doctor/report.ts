/** Findings for people and for programs. */
import type { Finding, Level } from "../../api/status/finding.js";
import type { Style } from "../style.js";
import { printable } from "../terminal/text.js";

/** What was found about one thing. */
export interface Section {
  /** A file, `client`, or a server's address. */
  readonly subject: string;
  readonly findings: readonly Finding[];
}

const INDENT = " ".repeat(10);

/** A headline for each section, a line for each finding, and its remedy below. @param columns - where lines break */
export function reportText(sections: readonly Section[], style: Style, columns: number): string {
  const colours: Readonly<Record<Level, (text: string) => string>> = {
    ok: style.green,
    warning: style.yellow,
    error: style.red,
  };
  const blocks = sections
    .filter(({ findings }) => findings.length > 0)
    .map(({ subject, findings }) => {
      const lines = findings.flatMap(({ check, level, message, remedy }) => {
        const [first = "", ...rest] = broken(`${check}: ${printable(message)}`, columns - INDENT.length);
        const mend = remedy === undefined ? [] : broken(`→ ${printable(remedy)}`, columns - INDENT.length);
        return [
          `  ${colours[level](level)}${" ".repeat(8 - level.length)}${first}`,
          ...[...rest, ...mend].map((line) => INDENT + line),
        ];
      });
      return [style.bold(printable(subject)), ...lines, ""].join("\n");
    });
  return blocks.join("\n");
}

/** `2 errors, 1 warning`. */
export function summaryText(sections: readonly Section[]): string {
  const levels = sections.flatMap(({ findings }) => findings.map(({ level }) => level));
  const counts = (["error", "warning"] as const).flatMap((level) => {
    const count = levels.filter((one) => one === level).length;
    return count === 0 ? [] : [`${count} ${level}${count === 1 ? "" : "s"}`];
  });
  return counts.length === 0 ? `all is well (${levels.length} checks)` : counts.join(", ");
}

/** Every finding, good ones too, with members in a fixed order. */
export function reportJson(sections: readonly Section[]): readonly object[] {
  return sections.flatMap(({ subject, findings }) =>
    findings.map(({ check, level, message, remedy }) => ({ subject, check, level, message, remedy })),
  );
}

export function hasErrors(sections: readonly Section[]): boolean {
  return sections.some(({ findings }) => findings.some(({ level }) => level === "error"));
}

/** Longest text of a server's own that is shown. */
const MAX_TEXT = 1000;
const MAX_FINDINGS = 1000;

/** The findings in an answer of `/v1/ready/verbose`; undefined when it is none. */
export function ownWords(body: string): readonly Finding[] | undefined {
  const found: unknown = membersOf(jsonOf(body)).findings;
  if (!Array.isArray(found) || found.length > MAX_FINDINGS) return undefined;
  return found.flatMap((one: unknown): Finding[] => {
    const { check, level, message, remedy } = membersOf(one);
    if (typeof check !== "string" || typeof message !== "string") return [];
    if (level !== "ok" && level !== "warning" && level !== "error") return [];
    const mend = typeof remedy === "string" ? { remedy: remedy.slice(0, MAX_TEXT) } : {};
    return [{ check: check.slice(0, MAX_TEXT), level, message: message.slice(0, MAX_TEXT), ...mend }];
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // No answer of a key server, which its caller tells.
    return undefined;
  }
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

/** Breaks at blanks; a word that is longer than a line stands in one of its own. */
function broken(text: string, columns: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else line += line === "" ? word : ` ${word}`;
  }
  return [...lines, line];
}
