/** The file with what requests may cost. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export interface Budget {
  /** For readers of the file. */
  readonly about: string;
  /** Major version of Node that the figures were taken with: another one has other ratios. */
  readonly node: string;
  /** What a row may grow to, as a multiple of its figure. */
  readonly allowedGrowth: number;
  /** Row → CPU time of a request over that of the reference. */
  readonly ratios: Readonly<Record<string, number>>;
}

export const BUDGET_FILE = fileURLToPath(new URL("budget.json", import.meta.url));

export function readBudget(): Budget {
  return JSON.parse(readFileSync(BUDGET_FILE, "utf8")) as Budget;
}

/** A line for each row that costs more than its budget allows, and for each that has none. */
export function exceeded(budget: Budget, ratios: Readonly<Record<string, number>>): string[] {
  return Object.entries(ratios).flatMap(([name, ratio]) => {
    const allowed = budget.ratios[name];
    if (allowed === undefined) return [`${name}: no budget; 'npm run bench:budget -- --write' sets one`];
    if (ratio <= allowed * budget.allowedGrowth) return [];
    const growth = ((ratio / allowed - 1) * 100).toFixed(0);
    return [`${name}: ${ratio.toFixed(2)} × the reference, ${growth} % above its budget of ${allowed}`];
  });
}
