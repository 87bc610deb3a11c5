/** The metrics of all servers on one page. */
import type { Style } from "../style.js";
import { clip, printable } from "../terminal/text.js";
import type { Metered } from "./readings.js";
import { metricLines } from "./table.js";

/** Lines of at most `columns`. */
export function pageOf(metered: readonly Metered[], style: Style, columns: number): readonly string[] {
  return metered.flatMap(({ target, now, before, failure }, i) => {
    const gap = i === 0 ? [] : [""];
    const trouble =
      failure === undefined ? [] : [style.red(clip(`  ${printable(failure.message)}`, columns))];
    if (now === undefined) {
      const text = trouble.length === 0 ? [style.dim("  waiting for the first answer")] : trouble;
      return [...gap, style.bold(target.name), ...text];
    }
    const [title = "", ...lines] = metricLines(target.name, now, before, style);
    return [...gap, title, ...trouble, ...lines];
  });
}
