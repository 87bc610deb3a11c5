/** Which file imports which: read from the sources, not from a compiler. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";

const root = resolve(import.meta.dirname, "../..");

/** All TypeScript files below `folder`, named from the root with `/`. */
export function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => fromRoot(join(entry.parentPath, entry.name)));
}

/** What `file` imports, as it writes it: packages and paths, types as well. */
export function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), "utf8");
  return [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map((match) => match[1] ?? "");
}

/** The sources that `file` imports, named from the root. */
export function targetsOf(file: string): string[] {
  return importsOf(file)
    .filter((specifier) => specifier.startsWith("."))
    .map((specifier) => fromRoot(resolve(root, dirname(file), specifier)).replace(/\.js$/, ".ts"));
}

function fromRoot(path: string): string {
  return relative(root, path).split(sep).join("/");
}
