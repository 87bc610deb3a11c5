/** The words of a command line as KES's flag library reads them, put so that commander reads the same. */
import type { OptionSpecs } from "./command.js";

const TRUE = new Set(["1", "t", "T", "true", "TRUE", "True"]);
const FALSE = new Set(["0", "f", "F", "false", "FALSE", "False"]);

/**
 * Spells out what commander does not know: `--json=true`, `-k=false` (the last of a flag wins), `-s=HOST`. What stands
 * behind `--`, and the value of a flag, stay as they are.
 */
export function plainWords(argv: readonly string[], specs: OptionSpecs): string[] {
  const words: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] ?? "";
    if (word === "--") return [...words, ...argv.slice(i)];
    const parts = word.startsWith("--") ? [word] : partsOf(word, specs);
    for (const part of parts) put(words, part, specs);
    // Whatever comes next is its value, also what looks like a flag.
    const next = argv[i + 1];
    if (next !== undefined && wantsValue(parts.at(-1) ?? "", specs)) {
      words.push(next);
      i++;
    }
  }
  return words;
}

/** `-kf` → `-k`, `-f`; `-ks=HOST` → `-k`, `--server=HOST`. */
function partsOf(word: string, specs: OptionSpecs): string[] {
  if (!/^-[^-]/.test(word)) return [word];
  const parts: string[] = [];
  for (let rest = word.slice(1); rest !== ""; rest = rest.slice(1)) {
    const [long, spec] = Object.entries(specs).find(([, { short }]) => short === rest.charAt(0)) ?? [];
    if (long === undefined || spec === undefined) return [...parts, `-${rest}`];
    if (rest.charAt(1) === "=" && rest.length > 2) return [...parts, `--${long}${rest.slice(1)}`];
    if (spec.type !== "boolean") return [...parts, `-${rest}`];
    parts.push(`--${long}`);
  }
  return parts;
}

function put(words: string[], word: string, specs: OptionSpecs): void {
  const [, long = "", value = ""] = /^--([a-z-]+)=(.*)$/s.exec(word) ?? [];
  const isBoolean = Object.hasOwn(specs, long) && specs[long]?.type === "boolean";
  if (isBoolean && TRUE.has(value)) words.push(`--${long}`);
  else if (!isBoolean || !FALSE.has(value)) words.push(word);
  else for (let i = words.length - 1; i >= 0; i--) if (words[i] === `--${long}`) words.splice(i, 1);
}

function wantsValue(word: string, specs: OptionSpecs): boolean {
  const short = /^-([^-])$/.exec(word)?.[1];
  return Object.entries(specs).some(
    ([long, spec]) =>
      spec.type !== "boolean" && (word === `--${long}` || (short !== undefined && spec.short === short)),
  );
}
