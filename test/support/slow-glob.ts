/**
 * A slow, obvious matcher of the older pattern language, to hold the fast one against: every way of letting a
 * star stand for something is tried. Written from the description in KES reference §6.3 alone.
 */

/** `pattern` must be well-formed. Exponential in the number of stars. */
export function slowGlob(pattern: string, path: string): boolean {
  const [head] = pattern;
  if (head === undefined) return path === "";
  if (head === "*") {
    if (slowGlob(pattern.slice(1), path)) return true;
    return path !== "" && !path.startsWith("/") && slowGlob(pattern, path.slice(1));
  }
  const [character] = path;
  if (character === undefined) return false;
  const rest = path.slice(1);
  if (head === "?") return character !== "/" && slowGlob(pattern.slice(1), rest);
  if (head === "\\") return pattern[1] === character && slowGlob(pattern.slice(2), rest);
  if (head !== "[") return head === character && slowGlob(pattern.slice(1), rest);
  const end = pattern.indexOf("]");
  const inner = pattern.slice(1, end);
  const negated = inner.startsWith("^");
  const members = new Set<string>();
  for (const part of (negated ? inner.slice(1) : inner).match(/.-.|./g) ?? []) {
    const [low = "", dash, high] = part;
    const last = dash === "-" && high !== undefined ? high : low;
    for (let code = low.charCodeAt(0); code <= last.charCodeAt(0); code++)
      members.add(String.fromCharCode(code));
  }
  return members.has(character) !== negated && slowGlob(pattern.slice(end + 1), rest);
}
