/** Lays rows out in columns of a given total width. */
import { clip, clipMiddle, padEnd, padStart, widthOf } from "./text.js";

/** A column. Figures stand to the right and are never cut; of texts, the widest give way when room is short. */
export interface Column {
  readonly title: string;
  readonly align?: "right";
  /** How a text that is too long is cut; without it the column is as wide as its longest cell. */
  readonly shrink?: "end" | "middle";
  /** At least this wide, so that columns of figures stay where they are. Of one that shrinks: keeps this many. */
  readonly minWidth?: number;
  /** Takes the room that the others leave, up to this width. */
  readonly fill?: number;
  /** Dropped, from the largest number down, while the table is too wide. */
  readonly dropOrder?: number;
}

/** A text, or a text and what colours it once it is cut. */
export type Cell = string | { readonly text: string; readonly style: (text: string) => string };

const GAP = "  ";

/**
 * The heading and the rows as lines of at most `width` columns.
 * @param heading - styles the first line
 */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  width: number,
  heading: (text: string) => string = (text) => text,
): string[] {
  const layout = layoutOf(columns, rows, width);
  const line = (cells: readonly Cell[]): string =>
    layout
      .map(({ column, index, width: columnWidth }) => {
        const cell = cells[index] ?? "";
        const text = typeof cell === "string" ? cell : cell.text;
        const cut = cutTo(column, text, columnWidth);
        const styled = typeof cell === "string" ? cut : cell.style(cut);
        return column.align === "right" ? padStart(styled, columnWidth) : padEnd(styled, columnWidth);
      })
      .join(GAP)
      .trimEnd();
  return [heading(line(columns.map(({ title }) => title))), ...rows.map(line)];
}

interface Placed {
  readonly column: Column;
  readonly index: number;
  width: number;
}

function layoutOf(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  width: number,
): readonly Placed[] {
  let placed = columns.map((column, index): Placed => {
    const cells = rows.map((row) => row[index] ?? "");
    const lengths = cells.map((cell) => widthOf(typeof cell === "string" ? cell : cell.text));
    const floor = column.shrink === undefined ? (column.minWidth ?? 0) : 0;
    return { column, index, width: Math.max(column.title.length, floor, ...lengths) };
  });
  const least = ({ column, width: full }: Placed): number =>
    column.shrink === undefined ? full : Math.min(full, Math.max(column.minWidth ?? 8, column.title.length));
  const sum = (of: (one: Placed) => number): number =>
    placed.reduce((total, one) => total + of(one), 0) + GAP.length * Math.max(0, placed.length - 1);

  while (sum(least) > width) {
    const dropped = placed
      .filter(({ column }) => column.dropOrder !== undefined)
      .sort((a, b) => (b.column.dropOrder ?? 0) - (a.column.dropOrder ?? 0))[0];
    if (dropped === undefined) break;
    placed = placed.filter((one) => one !== dropped);
  }
  for (let excess = sum((one) => one.width) - width; excess > 0; excess--) {
    const widest = placed.filter((one) => one.width > least(one)).sort((a, b) => b.width - a.width)[0];
    if (widest === undefined) break;
    widest.width--;
  }
  const filler = placed.find(({ column }) => column.fill !== undefined);
  if (filler !== undefined) {
    const spare = Math.max(0, width - sum((one) => one.width));
    filler.width = Math.max(filler.width, Math.min(filler.width + spare, filler.column.fill ?? 0));
  }
  return placed;
}

function cutTo({ shrink }: Column, text: string, width: number): string {
  if (shrink === "middle") return clipMiddle(text, width);
  return shrink === "end" ? clip(text, width) : text;
}
