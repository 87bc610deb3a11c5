/** The documents that are made from the table of commands, and the text that each must have. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { commands } from "../../../src/cli/commands.js";
import { cliFacts, root } from "./facts.js";
import { manPage } from "./man-page.js";
import { withReference } from "./reference.js";

export async function cliDocuments(): Promise<{ readonly file: string; readonly text: string }[]> {
  const facts = await cliFacts(commands);
  const markdown = join(root, "docs/cli.md");
  return [
    { file: join(root, "docs/kes.1"), text: manPage(facts) },
    { file: markdown, text: withReference(readFileSync(markdown, "utf8"), facts) },
  ];
}
