/** `log`: what is written to the console, and how. Streams over the API are not affected. */
import type { Config } from "../config.js";
import { section, text, type ValueOf } from "../schema.js";
import type { Scope } from "../scope.js";

export const logSchema = section(
  {
    error: text({
      default: "on",
      description:
        "Lowest level on standard error: DEBUG, INFO (on), WARN, ERROR, or off; WARN+2 and numbers work.",
    }),
    audit: text({
      default: "off",
      description: "Audit lines on standard output: on or off (on at INFO and below).",
    }),
    format: text({
      default: "text",
      enum: ["text", "json"],
      description: "text: lines as KES writes them. json: one object a line.",
    }),
  },
  "What is written to the console.",
);

const LEVELS: Readonly<Record<string, number>> = { DEBUG: -4, INFO: 0, ON: 0, WARN: 4, ERROR: 8, OFF: 9 };

/** A level as number, or undefined: a word, a word and `+N`, or an integer; case does not matter. */
export function parseLevel(text: string): number | undefined {
  const trimmed = text.trim().toUpperCase();
  if (/^[-+]?\d{1,9}$/.test(trimmed)) return Number(trimmed);
  const [, word = "", more = "0"] = /^([A-Z]+)(?:\+(\d{1,9}))?$/.exec(trimmed) ?? [];
  const level = Object.hasOwn(LEVELS, word) ? LEVELS[word] : undefined;
  return level === undefined ? undefined : level + Number(more);
}

export function resolveLog(value: ValueOf<typeof logSchema>, scope: Scope): Config["log"] {
  const level = (key: "error" | "audit"): number => {
    const parsed = parseLevel(value[key]);
    if (parsed !== undefined) return parsed;
    const at = scope.at(key);
    at.error(
      `kesconf: invalid log level '${at.shown(value[key])}'; write on, off, DEBUG, INFO, WARN, ERROR or a number`,
    );
    return 0;
  };
  const format = value.format === "json" ? "json" : "text";
  return { errorLevel: level("error"), auditLevel: level("audit"), format };
}
