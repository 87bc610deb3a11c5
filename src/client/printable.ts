/** Words of somebody else's making in errors. */

/** Most characters of them. */
const MAX_SHOWN = 256;

/** Text made fit for a terminal and a log: one line, at most 256 characters, none that controls anything. */
export function printable(text: string): string {
  // Cut first: what follows must not take long. Halves of a surrogate pair count as unprintable.
  const cut = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN - 1)}…` : text;
  return cut
    .trim()
    .replace(/\s+/g, " ")
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, "\ufffd");
}
