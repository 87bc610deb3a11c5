/** What commands about remote things print alike. */
import type { Output } from "../output.js";
import type { Style } from "../style.js";
import { jsonText, printable } from "../terminal/text.js";

/**
 * KES's form of a list: an underlined header and one name a line, nothing at all for no names. With `json` an array
 * and nothing else, `[]` for no names.
 */
export function printNames(
  output: Output,
  style: Style,
  header: string,
  names: readonly string[],
  json: boolean,
): void {
  if (json) output.data(`${jsonText(names)}\n`);
  else if (names.length > 0) {
    output.data([style.underline(header), ...names.map(printable), ""].join("\n"));
  }
}

/** A JSON object as KES prints it: on one line, and indented where a person reads it. */
export function printJson(output: Output, value: object): void {
  output.data(`${jsonText(value, output.isStdoutTerminal ? 2 : undefined)}\n`);
}

/**
 * Values that belong together, as `encrypt` and its like print them: on a terminal a labelled line each behind an
 * empty one; else one JSON object without line end.
 */
export function printValues(output: Output, values: Readonly<Record<string, string>>): void {
  if (!output.isStdoutTerminal) {
    output.data(JSON.stringify(values));
    return;
  }
  const width = Math.max(...Object.keys(values).map((label) => label.length)) + 1;
  const lines = Object.entries(values).map(([label, value]) => `${`${label}:`.padEnd(width)} ${value}\n`);
  output.data(`\n${lines.join("")}`);
}

/** RFC 3339 → `YYYY-MM-DD hh:mm:ss`, in the zone that it was sent in; other text as it is. */
export function formatDate(text: string): string {
  const [, date, time] = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)/.exec(text) ?? [];
  return date === undefined || time === undefined ? text : `${date} ${time}`;
}
