/** What `openapi.json` has to hold: the document of the table of routes, in a form that diffs well. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { openApiDocument } from "../../src/api/openapi.js";
import { routes } from "../../src/api/routes.js";

const root = resolve(import.meta.dirname, "../..");

/** Absolute path of the file. */
export const openApiFile = join(root, "openapi.json");

/** The text that the file must have. */
export function openApiText(): string {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  return `${JSON.stringify(openApiDocument(routes, version), null, 2)}\n`;
}
