/** What tests read out of Markdown files: code blocks, tables, links, headings and code in running text. */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";

export interface CodeBlock {
  /** The words behind the fence: `sh run`. */
  readonly info: string;
  readonly text: string;
  /** 1-based line of the fence. */
  readonly line: number;
}

export interface MarkdownFile {
  /** Relative to the repository, with `/`. */
  readonly file: string;
  readonly blocks: readonly CodeBlock[];
  /** Tables that stand under `<!-- table: name -->`: rows of cells, without the head. */
  readonly tables: ReadonlyMap<string, readonly (readonly string[])[]>;
  readonly links: readonly string[];
  /** Anchors of the headings, as GitHub makes them. */
  readonly anchors: ReadonlySet<string>;
  /** Text between single backticks outside of blocks. */
  readonly spans: readonly string[];
}

const root = resolve(import.meta.dirname, "../..");
/** Folders that hold no documents of this project. */
const PASSED_OVER = new Set(["node_modules", "dist", "coverage"]);

/** Every Markdown file of the repository. */
export function markdownFiles(): MarkdownFile[] {
  return findFiles(root)
    .map((path) => relative(root, path).split(sep).join("/"))
    .sort()
    .map((file) => parseMarkdown(file, readFileSync(join(root, file), "utf8")));
}

function findFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      return PASSED_OVER.has(entry.name) || entry.name.startsWith(".") ? [] : findFiles(path);
    }
    return entry.name.endsWith(".md") ? [path] : [];
  });
}

const FENCE = /^ {0,3}(`{3,}|~{3,})(.*)$/;

export function parseMarkdown(file: string, text: string): MarkdownFile {
  const blocks: CodeBlock[] = [];
  const prose: string[] = [];
  const lines = text.split("\n");
  for (let i = 0; i < lines.length; i++) {
    const [, fence, info = ""] = FENCE.exec(lines[i] ?? "") ?? [];
    if (fence === undefined) {
      prose.push(lines[i] ?? "");
      continue;
    }
    const start = i + 1;
    while (++i < lines.length && !(lines[i] ?? "").trim().startsWith(fence));
    if (i >= lines.length) throw new Error(`${file}:${start}: the code block does not end`);
    blocks.push({ info: info.trim(), text: `${lines.slice(start, i).join("\n")}\n`, line: start });
  }
  const bare = prose.join("\n");
  // Longer runs of backticks quote shorter ones; what they hold is text about Markdown.
  const single = bare.replace(/(`{2,})[\s\S]+?\1/g, "");
  return {
    file,
    blocks,
    tables: tablesOf(prose),
    // What stands in backticks is no link, but may be the text of one.
    links: [...single.replace(/`[^`\n]*`/g, "code").matchAll(/\]\(([^)\s]+)\)/g)].map(([, to = ""]) => to),
    anchors: new Set(prose.flatMap((line) => /^#{1,6} +(.+)$/.exec(line)?.[1] ?? []).map(anchorOf)),
    spans: [...single.matchAll(/`([^`\n]+)`/g)].map(([, span = ""]) => span),
  };
}

function anchorOf(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");
}

function tablesOf(lines: readonly string[]): Map<string, string[][]> {
  const tables = new Map<string, string[][]>();
  lines.forEach((line, at) => {
    const name = /^<!-- table: (\S+) -->$/.exec(line)?.[1];
    if (name === undefined) return;
    const start = lines.findIndex((one, i) => i > at && one !== "");
    const end = lines.findIndex((one, i) => i > start && !one.startsWith("|"));
    // A head and a rule stand before the rows.
    const rows = lines.slice(start + 2, end < 0 ? undefined : end).map(cellsOf);
    if (rows.length === 0) throw new Error(`the table '${name}' is empty`);
    tables.set(name, rows);
  });
  return tables;
}

function cellsOf(row: string): string[] {
  return row
    .replace(/^\||\|\s*$/g, "")
    .split("|")
    .map((cell) => cell.trim());
}
