/** Collects everything that is wrong with a configuration, so that it can be told at once. */
import { ConfigError, type ConfigFault } from "../errors.js";

/** Where something stands in a file; line and column are 1-based. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** More faults than this are counted, not told: a broken file must not flood the terminal. */
const MAX_TOLD = 100;

/** Errors and warnings in the order in which they were found. */
export class Faults {
  readonly #errors: ConfigFault[] = [];
  readonly #warnings: ConfigFault[] = [];

  /**
   * @param path - of the key, for example `cache.expiry.any`; empty for the file as a whole
   * @param rule - what kind of fault it is, for programs
   */
  error(place: Place | { readonly file: string }, path: string, message: string, rule?: string): void {
    this.#errors.push(fault(place, path, message, rule));
  }

  warn(place: Place | { readonly file: string }, path: string, message: string, rule?: string): void {
    this.#warnings.push(fault(place, path, message, rule));
  }

  get errorCount(): number {
    return this.#errors.length;
  }

  /** Errors in the order of the file. */
  errors(): readonly ConfigFault[] {
    return told(this.#errors);
  }

  /** Warnings in the order of the file. */
  warnings(): readonly ConfigFault[] {
    return told(this.#warnings);
  }

  /** @throws ConfigError with every error, when there is one */
  throwIfAny(): void {
    if (this.#errors.length > 0) throw new ConfigError(told(this.#errors));
  }
}

function fault(
  place: Place | { readonly file: string },
  path: string,
  message: string,
  rule: string | undefined,
): ConfigFault {
  const { file } = place;
  const where = "line" in place ? { file, line: place.line, column: place.column } : { file };
  const kind = rule === undefined ? {} : { rule };
  return path === "" ? { ...where, message, ...kind } : { ...where, path, message, ...kind };
}

/** In the order of the files, each by line; the file of the first fault comes first. */
function told(faults: readonly ConfigFault[]): readonly ConfigFault[] {
  const files = [...new Set(faults.map((one) => one.file))];
  const sorted = [...faults].sort(
    (a, b) =>
      files.indexOf(a.file) - files.indexOf(b.file) ||
      (a.line ?? 0) - (b.line ?? 0) ||
      (a.column ?? 0) - (b.column ?? 0),
  );
  const [last] = sorted.slice(-1);
  if (sorted.length <= MAX_TOLD || last === undefined) return sorted;
  const rest = sorted.length - MAX_TOLD;
  return [...sorted.slice(0, MAX_TOLD), { file: last.file, message: `and ${rest} more` }];
}
