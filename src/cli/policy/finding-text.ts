/** Findings as text: one a line for programs, broken into lines for a terminal. */

import type { Style } from "../style.js";
import { printable } from "../terminal/text.js";
import type { Finding, Severity } from "./findings.js";

const INDENT = "    ";

/** @param columns - lines are broken at; absent: not at all */
export function findingText(finding: Finding, style: Style, columns?: number): string {
  const { file, line, column, severity, path, message, rule } = finding;
  const place = [printable(file), line, column].filter((part) => part !== undefined).join(":");
  const text = `${path === undefined ? "" : `${path}: `}${message} [${rule}]`;
  if (columns === undefined) return `${place}: ${severity}: ${printable(text)}`;
  const colour: Record<Severity, (text: string) => string> = {
    error: style.red,
    warning: style.yellow,
    note: style.cyan,
  };
  const [first = "", ...rest] = broken(`${place}: ${severity}: ${printable(text)}`, columns);
  const coloured = first.replace(`: ${severity}:`, `: ${colour[severity](severity)}:`);
  return [coloured, ...rest].join("\n");
}

/** Breaks at blanks; a word that is longer than a line stands in one of its own. */
function broken(text: string, columns: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const isFull = line.trim() !== "" && line.length + 1 + word.length > columns;
    if (isFull) lines.push(line);
    if (isFull || line === "") line = (lines.length === 0 ? "" : INDENT) + word;
    else line += ` ${word}`;
  }
  return [...lines, line];
}

/** `2 errors, 1 warning in 1 file`. */
export function summaryText(findings: readonly Finding[], files: number): string {
  const counts = (["error", "warning", "note"] as const).flatMap((severity) => {
    const count = findings.filter((finding) => finding.severity === severity).length;
    return count === 0 ? [] : [counted(count, severity)];
  });
  return `${counts.length === 0 ? "nothing to mend" : counts.join(", ")} in ${counted(files, "file")}`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
