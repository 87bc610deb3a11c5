/** Styles for tests: none, or each named around its text. */
import type { Style } from "../../src/cli/style.js";

const same = (text: string): string => text;

export const plainStyle: Style = {
  ...{ bold: same, dim: same, underline: same, red: same, green: same, yellow: same, cyan: same },
};

const tag =
  (name: string) =>
  (text: string): string =>
    text === "" ? "" : `<${name}:${text}>`;

/** `<red:5>`: shows what is coloured, but has another width. */
export const taggedStyle: Style = {
  ...{ bold: same, dim: same, underline: same },
  ...{ red: tag("red"), green: tag("green"), yellow: tag("yellow"), cyan: tag("cyan") },
};
