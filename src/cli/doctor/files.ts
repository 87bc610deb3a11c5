/** Who else can read or change the files that a server depends on. */
import type { Stats } from "node:fs";
import { stat } from "node:fs/promises";
import { relative } from "node:path";
import { error, type Finding, ok, warning } from "../../api/status/finding.js";
import type { Config } from "../../config/config.js";

/** A file or folder, and what others may do with it. */
interface Watched {
  /** Begins the message. */
  readonly what: string;
  readonly file: string;
  /** `secret`: nobody else reads it. `public`: nobody else changes it. */
  readonly kind: "secret" | "public";
}

/** @param cwd - paths are shown relative to it */
export async function fileFindings(config: Config, cwd: string): Promise<readonly Finding[]> {
  // Windows has no such bits: Node makes them up.
  if (process.platform === "win32") return [];
  const findings: Finding[] = [];
  for (const { what, file, kind } of watchedOf(config)) {
    // What is missing is told by whoever needs it.
    const found = await stat(file).catch(() => undefined);
    if (found === undefined) continue;
    const finding = modeFinding(what, shown(file, cwd), kind, found);
    if (finding !== undefined) findings.push(finding);
  }
  return findings.length > 0 ? findings : [ok("file modes", "keys are readable by their owner alone")];
}

function watchedOf(config: Config): readonly Watched[] {
  const { file, tls, audit, keystore } = config;
  const folder = keystore.kind === "fs" ? pathOf(keystore.options) : undefined;
  return [
    { what: "the configuration", file, kind: "public" },
    { what: "the server's private key", file: tls.keyFile, kind: "secret" },
    { what: "the server's certificate", file: tls.certFile, kind: "public" },
    ...(audit?.file.keyFile === undefined
      ? []
      : [{ what: "the key that signs the audit file", file: audit.file.keyFile, kind: "secret" } as const]),
    ...(folder === undefined ? [] : [{ what: "the key folder", file: folder, kind: "secret" } as const]),
  ];
}

function pathOf(options: unknown): string | undefined {
  const path: unknown =
    typeof options === "object" && options !== null ? Reflect.get(options, "path") : undefined;
  return typeof path === "string" ? path : undefined;
}

function modeFinding(what: string, file: string, kind: Watched["kind"], found: Stats): Finding | undefined {
  const mode = found.mode & 0o777;
  const text = `(mode 0${mode.toString(8).padStart(3, "0")})`;
  const isFolder = found.isDirectory();
  const wanted = isFolder ? "700" : kind === "secret" ? "600" : "644";
  const remedy = `chmod ${wanted} ${file}`;
  const check = "file modes";
  // In a folder with the sticky bit others cannot replace what is not theirs.
  if ((mode & 0o002) !== 0)
    return error(check, `${what}, ${file}, can be changed by everybody ${text}`, remedy);
  if (kind === "public") return undefined;
  // Files in a key folder have modes of their own; of the folder only the names show.
  if (isFolder) {
    if ((mode & 0o055) === 0) return undefined;
    return warning(check, `others can list ${what}, ${file} ${text}`, remedy);
  }
  if ((mode & 0o004) !== 0) return error(check, `${what}, ${file}, can be read by everybody ${text}`, remedy);
  if ((mode & 0o040) !== 0)
    return warning(check, `${what}, ${file}, can be read by its group ${text}`, remedy);
  return undefined;
}

/** A path as a person would write it here. */
export function shown(file: string, cwd: string): string {
  const short = relative(cwd, file);
  return short === "" || short.startsWith("..") ? file : short;
}
