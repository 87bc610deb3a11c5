/** The table, in Markdown. */
import type { Outcome } from "./measure.js";

const KIB = 1024;
const MIB = 1024 * KIB;
const columns = [
  "behaviour",
  "engine",
  "connections",
  "cut",
  "held KiB each",
  "peak MiB",
  "left MiB",
  "loop p99.9 / worst ms",
  "p99 / worst ms",
  "newcomer ms",
  "CPU %",
  "breaks",
];

export function header(): string {
  return `${row(columns)}\n${row(columns.map(() => "---"))}`;
}

export function line(outcome: Outcome, faults: readonly string[]): string {
  const { name, engine, connections, attack, heldBytes, peakBytes, leftBytes, delay, regular, cpuShare } =
    outcome;
  return row([
    name,
    engine,
    String(connections),
    attack.cameBack > 0 ? `${attack.cut}, came back` : String(attack.cut),
    (heldBytes / KIB / connections).toFixed(0),
    (peakBytes / MIB).toFixed(0),
    (leftBytes / MIB).toFixed(1),
    `${delay.p999Ms.toFixed(1)} / ${delay.worstMs.toFixed(1)}`,
    `${regular.p99Ms.toFixed(1)} / ${regular.worstMs.toFixed(1)}`,
    regular.newcomerMs.toFixed(0),
    (cpuShare * 100).toFixed(0),
    faults.join("; "),
  ]);
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}
