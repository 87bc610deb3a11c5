/** Values of flags that are numbers or lengths of time above zero. */
import { UsageError } from "../errors.js";

/** @returns undefined for a flag that is not given @throws UsageError for what is no whole number from 1 to 10^9 */
export function countOf(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^[0-9]{1,9}$/.test(text) && Number(text) > 0) return Number(text);
  throw new UsageError(`invalid argument "${text}" for "--${flag}" flag: not a number above 0`);
}

const LONGEST_MS = 86_400_000;

/**
 * @param text - a Go duration
 * @returns milliseconds
 * @throws UsageError for what is none, shorter than `leastMs` or longer than a day
 */
export async function durationOf(flag: string, text: string, leastMs: number): Promise<number> {
  const { parseDuration, toMilliseconds } = await import("../config/duration.js");
  const duration = parseDuration(text);
  const reason = (why: string): UsageError =>
    new UsageError(`invalid argument "${text}" for "--${flag}" flag: ${why}`);
  if (duration === undefined) throw reason(`time: invalid duration "${text}"`);
  const ms = toMilliseconds(duration);
  if (ms < leastMs) throw reason(`shorter than ${leastMs}ms`);
  if (ms > LONGEST_MS) throw reason("longer than 24h");
  return ms;
}
