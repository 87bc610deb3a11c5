/**
 * Two kinds of plots as plain SVG. A library would be larger than this and want a DOM: what is drawn here is
 * rectangles, lines and text.
 */
import type { Spread } from "./statistics.js";

const WIDTH = 900;
const HEIGHT = 420;
const LEFT = 64;
const RIGHT = 20;
const TOP = 84;
const BOTTOM = 48;
const PLOT_WIDTH = WIDTH - LEFT - RIGHT;
const PLOT_HEIGHT = HEIGHT - TOP - BOTTOM;
/** Told apart by those who see few colours as well (Okabe and Ito). */
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];

export interface Bars {
  readonly title: string;
  readonly names: readonly string[];
  readonly groups: readonly { readonly label: string; readonly values: readonly (Spread | undefined)[] }[];
}

/** Groups of bars, each with its spread and its figure. */
export function bars({ title, names, groups }: Bars): string {
  const all = groups.flatMap(({ values }) => values.flatMap((value) => (value === undefined ? [] : [value])));
  const top = niceTop(Math.max(1, ...all.map(({ max }) => max * 1.06)));
  const y = (value: number): number => TOP + PLOT_HEIGHT * (1 - Math.min(value, top) / top);
  const groupWidth = PLOT_WIDTH / groups.length;
  const barWidth = (groupWidth * 0.86) / names.length;
  const parts = [axis(top, y)];
  for (const [at, { label, values }] of groups.entries()) {
    const left = LEFT + at * groupWidth + groupWidth * 0.07;
    for (const [i, value] of values.entries()) {
      if (value === undefined) continue;
      const x = left + i * barWidth;
      const middle = x + barWidth / 2;
      parts.push(
        `<rect x="${px(x + 1)}" y="${px(y(value.median))}" width="${px(barWidth - 2)}" height="${px(y(0) - y(value.median))}" fill="${colourOf(i)}"/>`,
        `<path d="M${px(middle)} ${px(y(value.min))}V${px(y(value.max))}" stroke="#222" stroke-width="1"/>`,
        text(middle, y(Math.max(value.median, value.max)) - 4, value.median.toFixed(0), "middle", 10),
      );
    }
    parts.push(text(left + groupWidth * 0.43, HEIGHT - BOTTOM + 18, label, "middle", 12));
  }
  return drawing(title, names, parts);
}

export interface Curves {
  readonly title: string;
  readonly lines: readonly {
    readonly name: string;
    /** Which of the colours. */
    readonly colour: number;
    /** Share of all, and its value. */
    readonly points: readonly (readonly [share: number, value: number])[];
  }[];
}

/** Both axes are logarithmic: each step to the right is ten times rarer. */
export function curves({ title, lines }: Curves): string {
  const values = lines.flatMap(({ points }) => points.map(([, value]) => value)).filter((one) => one > 0);
  const from = Math.floor(Math.log10(Math.min(...values, 100)));
  const to = Math.ceil(Math.log10(Math.max(...values, 1_000)));
  const y = (value: number): number =>
    TOP + PLOT_HEIGHT * (1 - (Math.log10(Math.max(value, 1)) - from) / (to - from));
  const x = (share: number): number => LEFT + (PLOT_WIDTH * -Math.log10(1 - share)) / 4;
  const parts: string[] = [];
  for (let power = from; power <= to; power++) parts.push(...gridLine(y(10 ** power), String(10 ** power)));
  for (const [share, label] of PERCENTILES)
    parts.push(text(x(share), HEIGHT - BOTTOM + 18, label, share > 0.999 ? "end" : "middle", 12));
  for (const { points, colour } of lines) {
    const path = points.map(([share, value]) => `${px(x(share))},${px(y(value))}`).join(" ");
    parts.push(`<polyline points="${path}" fill="none" stroke="${colourOf(colour)}" stroke-width="2.5"/>`);
  }
  return drawing(
    title,
    lines.map(({ name }) => name),
    parts,
    lines.map(({ colour }) => colour),
  );
}

const PERCENTILES = [
  [0.5, "50 %"],
  [0.9, "90 %"],
  [0.99, "99 %"],
  [0.999, "99.9 %"],
  [0.9999, "99.99 %"],
] as const;

function drawing(
  title: string,
  names: readonly string[],
  parts: readonly string[],
  colours: readonly number[] = names.map((_, at) => at),
): string {
  const each = PLOT_WIDTH / Math.max(1, Math.min(4, names.length));
  const legend = names.flatMap((name, at) => {
    const left = LEFT + (at % 4) * each;
    const down = 40 + Math.floor(at / 4) * 18;
    return [
      `<rect x="${px(left)}" y="${down}" width="12" height="12" fill="${colourOf(colours[at] ?? at)}"/>`,
      text(left + 18, down + 10, name, "start", 12),
    ];
  });
  const heading = `<text x="${LEFT}" y="24" font-size="15" font-weight="bold">${escaped(title)}</text>`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-label="${escaped(title)}" font-family="system-ui, sans-serif" fill="#222">`,
    // Readers with a dark page see it as well.
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    heading,
    ...legend,
    ...parts,
    "</svg>\n",
  ].join("\n");
}

function axis(top: number, y: (value: number) => number): string {
  const lines: string[] = [];
  for (let step = 0; step <= 5; step++) {
    const value = (top * step) / 5;
    lines.push(...gridLine(y(value), value.toFixed(0)));
  }
  return lines.join("\n");
}

function gridLine(y: number, label: string): string[] {
  return [
    `<path d="M${LEFT} ${px(y)}H${WIDTH - RIGHT}" stroke="#ddd" stroke-width="1"/>`,
    text(LEFT - 8, y + 4, label, "end", 11),
  ];
}

function text(x: number, y: number, content: string, anchor: string, size: number): string {
  return `<text x="${px(x)}" y="${px(y)}" font-size="${size}" text-anchor="${anchor}">${escaped(content)}</text>`;
}

/** A round figure not below `value`, that five steps divide evenly. */
function niceTop(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((step) => step * power >= value) ?? 10) * power;
}

function colourOf(at: number): string {
  return COLOURS[at % COLOURS.length] ?? "#222";
}

function px(value: number): string {
  return value.toFixed(1);
}

function escaped(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
