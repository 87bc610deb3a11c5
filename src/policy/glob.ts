/**
 * The older pattern language of KES policies (KES reference §6.3), that of Go's `path.Match`: `*` any run within
 * one segment, `?` one character but `/`, `[a-z]` and `[^a-z]` classes, `\` takes the next character literally.
 */

/** One step of a glob: `*`, or one character that `accepts` says yes to. */
export type GlobToken =
  | { readonly kind: "star" }
  | {
      readonly kind: "one";
      readonly accepts: (character: string) => boolean;
      /** The only character that it accepts; absent where it accepts several. */
      readonly literal?: string;
    };

/** Why a glob is malformed. In KES such a pattern silently never matched. */
export class GlobError extends Error {
  override readonly name = "GlobError";
}

const notSlash = (character: string): boolean => character !== "/";

/** @throws GlobError */
export function parseGlob(pattern: string): readonly GlobToken[] {
  const characters = [...pattern];
  const tokens: GlobToken[] = [];
  for (let at = 0; at < characters.length; ) {
    const character = characters[at] ?? "";
    if (character === "*") {
      // Two stars in a row mean what one does.
      if (tokens.at(-1)?.kind !== "star") tokens.push({ kind: "star" });
      at += 1;
    } else if (character === "?") {
      tokens.push({ kind: "one", accepts: notSlash });
      at += 1;
    } else if (character === "[") {
      const { accepts, end } = parseClass(characters, at + 1);
      tokens.push({ kind: "one", accepts });
      at = end;
    } else {
      const escaped = character === "\\";
      const literal = escaped ? characters[at + 1] : character;
      if (literal === undefined) throw new GlobError("ends in a '\\' that escapes nothing");
      tokens.push({ kind: "one", accepts: (one) => one === literal, literal });
      at += escaped ? 2 : 1;
    }
  }
  return tokens;
}

function parseClass(
  characters: readonly string[],
  start: number,
): { readonly accepts: (character: string) => boolean; readonly end: number } {
  let at = start;
  const negated = characters[at] === "^";
  if (negated) at += 1;
  const ranges: { readonly low: number; readonly high: number }[] = [];
  const take = (): number => {
    const escaped = characters[at] === "\\";
    const one = characters[escaped ? at + 1 : at];
    if (one === undefined) throw new GlobError("has a '[' without its ']'");
    if (!escaped && (one === "-" || one === "]")) throw new GlobError(`has a misplaced '${one}' in '[…]'`);
    at += escaped ? 2 : 1;
    return one.codePointAt(0) ?? 0;
  };
  while (characters[at] !== "]" || ranges.length === 0) {
    const low = take();
    let high = low;
    if (characters[at] === "-") {
      at += 1;
      high = take();
    }
    ranges.push({ low, high });
  }
  const accepts = (character: string): boolean => {
    const code = character.codePointAt(0) ?? 0;
    return ranges.some(({ low, high }) => low <= code && code <= high) !== negated;
  };
  return { accepts, end: at + 1 };
}

/** Positions in a glob that a text read so far may have led to; `tokens.length` is the end. */
export type GlobStates = ReadonlySet<number>;

/** The positions before anything is read. */
export function startStates(tokens: readonly GlobToken[]): GlobStates {
  return withSkippedStars(tokens, [0]);
}

/** The positions after one more character. */
export function nextStates(tokens: readonly GlobToken[], states: GlobStates, character: string): GlobStates {
  const reached: number[] = [];
  for (const state of states) {
    const token = tokens[state];
    if (token === undefined) continue;
    if (token.kind === "star") {
      if (character !== "/") reached.push(state);
    } else if (token.accepts(character)) reached.push(state + 1);
  }
  return withSkippedStars(tokens, reached);
}

/** A star may stand for nothing. */
function withSkippedStars(tokens: readonly GlobToken[], states: readonly number[]): GlobStates {
  const all = new Set<number>();
  for (let state of states) {
    all.add(state);
    while (tokens[state]?.kind === "star") all.add(++state);
  }
  return all;
}

/**
 * True when `tokens` match the whole of `path`. Follows all positions at once, so the time is bounded by the
 * length of the path times that of the glob, whatever the two are; backtracking could be made to take for ever.
 */
export function matchesGlob(tokens: readonly GlobToken[], path: string): boolean {
  let states = startStates(tokens);
  for (const character of path) {
    states = nextStates(tokens, states, character);
    if (states.size === 0) return false;
  }
  return states.has(tokens.length);
}
