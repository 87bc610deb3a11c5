/** The whole table: every row on every way, ways side by side, rows of one way one after the other. */
import { http1Rows } from "./http1-rows.js";
import { http2Rows } from "./http2-rows.js";
import { type Fate, play } from "./play.js";
import type { SmugglingRow } from "./row.js";
import type { Stage } from "./stage.js";

export const smugglingRows: readonly SmugglingRow[] = [...http1Rows, ...http2Rows];

/** Row → fates, in the order of the stage's ways. */
export type PlayedTable = ReadonlyMap<SmugglingRow, readonly Fate[]>;

export async function playAll(
  stage: Stage,
  rows: readonly SmugglingRow[] = smugglingRows,
): Promise<PlayedTable> {
  const columns = await Promise.all(
    stage.ways.map(async (way) => {
      const fates: Fate[] = [];
      for (const row of rows) fates.push(await play(row, way, stage.cast));
      return fates;
    }),
  );
  return new Map(rows.map((row, at) => [row, columns.flatMap((fates) => fates[at] ?? [])]));
}
