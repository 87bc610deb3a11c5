/** Finds the files that come with the package, from sources and from compiled output alike. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export interface PackageInfo {
  /** Absolute path of the folder that holds `package.json`. */
  readonly root: string;
  readonly version: string;
  /** The commit that the build was made from, where it recorded one. */
  readonly gitHead?: string;
}

/** Reads Keswick's own package.json. @throws Error when the installation is broken */
export function packageInfo(): PackageInfo {
  let root = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const info = read(root);
    if (info !== undefined) return info;
    const parent = dirname(root);
    if (parent === root)
      throw new Error("the package.json of keswick was not found: the installation is broken");
    root = parent;
  }
}

function read(root: string): PackageInfo | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  } catch {
    // No package.json here, or one that is not ours to read: the next folder up may have it.
    return undefined;
  }
  if (typeof parsed !== "object" || parsed === null) return undefined;
  const { name, version } = parsed as Record<string, unknown>;
  if (name !== "keswick" || typeof version !== "string") return undefined;
  const gitHead = builtFrom(root);
  return { root, version, ...(gitHead === undefined ? {} : { gitHead }) };
}

/** `npm run build` writes the commit beside its output; a build outside a checkout has none. */
function builtFrom(root: string): string | undefined {
  try {
    return /^[0-9a-f]{40,64}/.exec(readFileSync(join(root, "dist", "COMMIT"), "utf8"))?.[0];
  } catch {
    return undefined;
  }
}
