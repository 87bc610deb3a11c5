/** What the text of a scalar means (KES configuration reference §2). */
import { parseDuration } from "./duration.js";

const PLAIN_TRUE: ReadonlySet<string> = new Set(["true", "True", "TRUE"]);
const PLAIN_FALSE: ReadonlySet<string> = new Set(["false", "False", "FALSE"]);
const WORD_TRUE: ReadonlySet<string> = new Set(["y", "Y", "yes", "Yes", "YES", "on", "On", "ON"]);
const WORD_FALSE: ReadonlySet<string> = new Set(["n", "N", "no", "No", "NO", "off", "Off", "OFF"]);

/** Where a text comes from: `quoted` in the file, `plain` in the file, or an environment variable. */
export type Origin = "plain" | "quoted" | "env";

/**
 * A boolean, or undefined. The words `on`, `yes` … count quoted or not; `true` and `false` only unquoted.
 * From the environment both count, where KES takes the words alone: a variable has no quotes.
 */
export function readBoolean(text: string, origin: Origin): boolean | undefined {
  if (WORD_TRUE.has(text)) return true;
  if (WORD_FALSE.has(text)) return false;
  if (origin === "quoted") return undefined;
  if (PLAIN_TRUE.has(text)) return true;
  return PLAIN_FALSE.has(text) ? false : undefined;
}

/** A duration in nanoseconds, or undefined. A bare `0` is a number, not a duration; quoted it is one. */
export function readDuration(text: string, origin: Origin): bigint | undefined {
  if (origin === "plain" && /^[-+]?0$/.test(text)) return undefined;
  return parseDuration(text);
}

/** An integer in decimal, or undefined. */
export function readInteger(text: string): number | undefined {
  if (!/^[-+]?\d{1,15}$/.test(text)) return undefined;
  return Number(text);
}
