/** Text for terminals: what others sent made harmless, cut and padded to columns. One character, one column. */

// Escape sequences a server or a caller made up would move the cursor or rename the window; marks of writing
// direction would show another text than the one that is there.
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** `text` in one line without anything that a terminal acts on: `\x1b`, `\n` and their like are spelt out. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
  });
}

/** As {@link printable}, of several lines: their ends and tabs stay. */
export function printableLines(text: string): string {
  return text.replace(/[^\n\t]+/g, printable);
}

/**
 * `value` as JSON that no terminal acts on: JSON by itself lets pass what begins a sequence in eight bits, and marks
 * of writing direction. They are escaped, so that whoever parses it gets the same value.
 * @param indent - blanks of each level; on one line without it
 */
export function jsonText(value: unknown, indent?: number): string {
  return JSON.stringify(value, undefined, indent).replace(/[^\P{C}\n]|[\p{Zl}\p{Zp}]/gu, (character) =>
    // One or two units of UTF-16, as JSON has them.
    Array.from({ length: character.length }, (_, i) => unit(character.charCodeAt(i))).join(""),
  );
}

function unit(code: number): string {
  return `\\u${code.toString(16).padStart(4, "0")}`;
}

/** A path in printable ASCII, percent-encoded where it is none, so that every character is one column wide. */
export function printablePath(path: string): string {
  return path.replace(/[^\x21-\x7e]+/gu, (run) =>
    [...Buffer.from(run, "utf8")]
      .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`)
      .join(""),
  );
}

/** Starts of colours and the like, as `styleOf` writes them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what the sequences begin with
const STYLES = /\x1b\[[0-9;]*m/g;

/** Columns that `text` takes, styles not counted. */
export function widthOf(text: string): number {
  return text.replace(STYLES, "").length;
}

/** `text` (without styles) in at most `width` columns: its start, and `…` for the rest. */
export function clip(text: string, width: number): string {
  if (text.length <= width) return text;
  return width <= 0 ? "" : `${text.slice(0, width - 1)}…`;
}

/** As {@link clip}, but start and end stay: of paths the end matters as much. */
export function clipMiddle(text: string, width: number): string {
  if (text.length <= width) return text;
  if (width < 3) return clip(text, width);
  const end = Math.floor((width - 1) / 2);
  return `${text.slice(0, width - 1 - end)}…${text.slice(-end)}`;
}

/** As {@link clipMiddle}, for API paths: what is done stays whole, of the name behind it the end. */
export function clipPath(path: string, width: number): string {
  if (path.length <= width) return path;
  const operation = path.slice(0, path.lastIndexOf("/") + 1);
  const room = width - operation.length - 1;
  return room < LEAST_NAME ? clipMiddle(path, width) : `${operation}…${path.slice(-room)}`;
}

/** Fewer characters of a name tell nothing. */
const LEAST_NAME = 6;

/** Appends blanks up to `width` columns. `text` may have styles. */
export function padEnd(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - widthOf(text)));
}

/** Puts blanks in front up to `width` columns. `text` may have styles. */
export function padStart(text: string, width: number): string {
  return " ".repeat(Math.max(0, width - widthOf(text))) + text;
}
