/** `npm run docs:cli`: writes `docs/kes.1` and the made part of `docs/cli.md` anew after a command has changed. */
import { writeFileSync } from "node:fs";
import { cliDocuments } from "./cli-documents/files.js";

for (const { file, text } of await cliDocuments()) writeFileSync(file, text);
