/** What this build is: for `kes --version`, the banner and `GET /version`. */
import { readFileSync } from "node:fs";
import { arch, platform } from "node:os";
import { join } from "node:path";
import { packageInfo } from "./package-root.js";

export interface BuildInfo {
  readonly version: string;
  /** Full commit hash, or `unknown` in an installation that carries none. */
  readonly commit: string;
}

export function buildInfo(): BuildInfo {
  const { root, version, gitHead } = packageInfo();
  return { version, commit: checkedOutCommit(root) ?? gitHead ?? "unknown" };
}

/** The four lines of `kes --version` (KES reference §14.3): label padded to 11, value to 22. */
export function versionText(): string {
  const { version, commit } = buildInfo();
  const { node, v8 = "unknown" } = process.versions;
  const lines = [
    ["Version", version, `commit=${commit}`],
    ["Runtime", `node${node} ${platform()}/${arch()}`, `v8=${v8}`],
    ["License", "Apache-2.0", "https://www.apache.org/licenses/LICENSE-2.0"],
    ["Copyright", "Keswick contributors", ""],
  ];
  return lines
    .map(([label = "", value = "", rest = ""]) => {
      const shown = value.length < 22 ? value.padEnd(22) : `${value} `;
      return `${label.padEnd(11)}${shown}${rest}`.trimEnd();
    })
    .concat("")
    .join("\n");
}

/** HEAD of a source checkout; an installed package has none. */
function checkedOutCommit(root: string): string | undefined {
  try {
    const read = (path: string): string => readFileSync(join(root, ".git", path), "utf8").trim();
    const head = read("HEAD");
    const ref = /^ref: (refs\/[\w./-]+)$/.exec(head)?.[1];
    if (ref === undefined) return isCommit(head) ? head : undefined;
    const commit = readRef(ref, read);
    return commit !== undefined && isCommit(commit) ? commit : undefined;
  } catch {
    return undefined;
  }
}

function readRef(ref: string, read: (path: string) => string): string | undefined {
  try {
    return read(ref);
  } catch {
    const line = read("packed-refs")
      .split("\n")
      .find((entry) => entry.endsWith(` ${ref}`));
    return line?.split(" ")[0];
  }
}

function isCommit(text: string): boolean {
  return /^[0-9a-f]{40,64}$/.test(text);
}
