/** Colours and emphasis of human output. */
import { UsageError } from "../errors.js";
import type { OptionSpec } from "./command.js";
import type { Output } from "./output.js";

/** The flag of every command that KES gives it. */
export const colorOption = {
  type: "string",
  value: "WHEN",
  choices: ["auto", "always", "never"],
  description: "Colours: auto (on terminals), always or never (default auto)",
} as const satisfies OptionSpec;

/** Each wraps a text in what a terminal shows as its name says, or leaves it as it is. */
export interface Style {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly underline: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly cyan: (text: string) => string;
}

/**
 * @param color - value of `--color`, in any case
 * @throws UsageError for another word
 */
export function styleOf(output: Output, color = "auto"): Style {
  const when = color.toLowerCase();
  if (when !== "auto" && when !== "always" && when !== "never") throw new UsageError("invalid color option");
  const isOn = when === "always" || (when === "auto" && output.hasColour);
  const wrap =
    (on: number, off: number) =>
    (text: string): string =>
      isOn && text !== "" ? `\x1b[${on}m${text}\x1b[${off}m` : text;
  return {
    bold: wrap(1, 22),
    dim: wrap(2, 22),
    underline: wrap(4, 24),
    red: wrap(31, 39),
    green: wrap(32, 39),
    yellow: wrap(33, 39),
    cyan: wrap(36, 39),
  };
}
