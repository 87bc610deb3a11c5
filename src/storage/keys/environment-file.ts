/** The file of variables that `MINIO_CONFIG_ENV_FILE` names (MinIO client reference §1.1). */
import { ConfigError } from "../../errors.js";
import type { Environment } from "./variables.js";

/** The text of a file, at most 1 MiB; undefined when there is no such file. */
export type ReadText = (path: string) => Promise<string | undefined>;

const VARIABLE = "MINIO_CONFIG_ENV_FILE";
const LINE = /^(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)$/;

/**
 * The environment with the variables of that file, which win over those that are set already.
 * @throws ConfigError when the file is named but not there, or has a line that is no `NAME=value`
 */
export async function withEnvironmentFile(
  environment: Environment,
  readText: ReadText,
): Promise<Environment> {
  const path = environment[VARIABLE];
  if (!path) return environment;
  const text = await readText(path);
  if (text === undefined) {
    throw new ConfigError([{ file: "environment", path: VARIABLE, message: `there is no file '${path}'` }]);
  }
  return { ...environment, ...parseEnvironmentFile(text, path) };
}

/**
 * Lines `NAME=value` or `export NAME=value`; the value may stand in quotes of either kind, which are taken off. Empty
 * lines and those that begin with `#` are passed over.
 * @throws ConfigError with the numbers of all other lines
 */
export function parseEnvironmentFile(text: string, file: string): Record<string, string> {
  const rows = text.split(/\r?\n/).map((line, i) => ({ line: i + 1, text: line.trim() }));
  const filled = rows.filter((row) => row.text !== "" && !row.text.startsWith("#"));
  const parsed = filled.map((row) => ({ ...row, match: LINE.exec(row.text) }));
  const wrong = parsed.filter(({ match }) => match === null);
  if (wrong.length > 0) {
    // Without the text, for it may hold a secret.
    throw new ConfigError(
      wrong.map(({ line }) => ({ file, line, message: "is not of the form NAME=value" })),
    );
  }
  return Object.fromEntries(parsed.map(({ match }) => [match?.[1] ?? "", unquoted(match?.[2] ?? "")]));
}

function unquoted(value: string): string {
  return /^(["']).*\1$/.test(value) && value.length >= 2 ? value.slice(1, -1) : value;
}
