/** PATTERN of commands on keystores: a shell glob, as KES's `migrate` takes it. */
import { UsageError } from "../../errors.js";
import { GlobError, type GlobToken, parseGlob } from "../../policy/glob.js";

const MAX_CHARACTERS = 1024;

/** @throws UsageError */
export function globOf(pattern = "*"): readonly GlobToken[] {
  if (pattern.length > MAX_CHARACTERS) throw new UsageError("the pattern is too long");
  try {
    return parseGlob(pattern);
  } catch (error) {
    if (error instanceof GlobError) throw new UsageError(`pattern "${pattern}" ${error.message}`);
    throw error;
  }
}
