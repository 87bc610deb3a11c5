/** The page at `/` for terminals. */
import { documents, type LandingFacts, purpose, steps } from "./documents.js";

/** Columns, as terminals have them. */
const WIDTH = 78;

export function landingText({ version, commit, isReady }: LandingFacts): string {
  const width = Math.max(...documents.map(([name]) => name.length)) + 2;
  const how = steps.map(([text, command], i) => {
    const lines = wrap(text.replaceAll("`", ""), WIDTH - 3).replaceAll("\n", "\n   ");
    const shown = command === undefined ? "" : `\n\n     ${command.replaceAll("\n", "\n     ")}`;
    return `${i + 1}. ${lines}${shown}`;
  });
  const paragraphs = [
    `Keswick ${version} (commit ${commit})\nStatus: ${isReady ? "ready" : "not ready"}`,
    wrap(purpose, WIDTH),
    "API: /openapi.json (OpenAPI 3.1)",
    `How to get a client certificate\n\n${how.join("\n\n")}`,
    `Documents\n\n${documents.map(([name, holds]) => `  ${name.padEnd(width)}${holds}`).join("\n")}`,
  ];
  return `${paragraphs.join("\n\n")}\n`;
}

/** Breaks `text` at spaces. */
function wrap(text: string, width: number): string {
  return text.replace(new RegExp(`(?=.{${width + 1}})(.{1,${width}}) `, "g"), "$1\n");
}
