/** Self time of a CPU profile of V8, by area and by function. */
import { readFileSync } from "node:fs";
import { areaOf, IDLE } from "./areas.js";

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
}

interface Profile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  /** Microseconds between a sample and the one before. */
  readonly timeDeltas: readonly number[];
}

export interface Summary {
  /** Microseconds in which the process had something to do. */
  readonly busyMicros: number;
  /** Share of them, greatest first. */
  readonly areas: readonly (readonly [area: string, share: number])[];
  readonly functions: readonly (readonly [where: string, share: number])[];
}

/** @param afterShare - what comes before this share of the samples is left out: start and warm-up */
export function summaryOf(file: string, afterShare: number): Summary {
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, "utf8")) as Profile;
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const areas = new Map<string, number>();
  const functions = new Map<string, number>();
  let busyMicros = 0;
  const total = timeDeltas.reduce((sum, micros) => sum + micros, 0);
  let at = 0;
  for (const [i, id] of samples.entries()) {
    const micros = timeDeltas[i] ?? 0;
    at += micros;
    const node = byId.get(id);
    if (node === undefined || at < total * afterShare) continue;
    const { functionName, url, lineNumber } = node.callFrame;
    const area = areaOf(functionName, url);
    if (area === IDLE) continue;
    busyMicros += micros;
    areas.set(area, (areas.get(area) ?? 0) + micros);
    const where =
      url === ""
        ? functionName || "(native)"
        : `${functionName || "(anonymous)"} ${shortened(url)}:${lineNumber + 1}`;
    functions.set(where, (functions.get(where) ?? 0) + micros);
  }
  const shares = (all: Map<string, number>): [string, number][] =>
    [...all]
      .map(([name, micros]): [string, number] => [name, micros / busyMicros])
      .sort(([, a], [, b]) => b - a);
  return { busyMicros, areas: shares(areas), functions: shares(functions) };
}

/** From `src/` on, as readers know it. */
function shortened(url: string): string {
  return url.replace(/^file:\/\//, "").replace(/^.*\/((?:src|keystores|node_modules)\/)/, "$1");
}
