/**
 * `npm run lockfile`: completes the lockfile. npm leaves out builds for other platforms that the registry at hand
 * does not serve, and `npm ci` then refuses the lockfile everywhere; their exact versions are known all the same.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";

const file = resolve(import.meta.dirname, "../../package-lock.json");

interface LockEntry {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const SYSTEMS: Readonly<Record<string, string>> = { darwin: "darwin", win32: "win32", linux: "linux" };

/** What a platform package may be installed on, by the words of its name. */
function platformOf(name: string): { os: string[]; cpu: string[]; libc?: string[] } | undefined {
  const words = name.slice(name.lastIndexOf("/") + 1).split("-");
  const others = ["android", "freebsd", "openharmony"];
  const os = words.map((word) => SYSTEMS[word] ?? others.find((other) => other === word)).find(Boolean);
  const cpu = words.find((word) => /^(?:arm64|x64|arm|ia32|ppc64|riscv64|s390x)$/.test(word));
  if (os === undefined || cpu === undefined) return undefined;
  const musl = words.some((word) => word.startsWith("musl"));
  return { os: [os], cpu: [cpu], ...(musl ? { libc: ["musl"] } : {}) };
}

/** Optional packages that are asked for and not locked, by the path they belong at. */
export function missingEntries(packages: Readonly<Record<string, LockEntry>>): Record<string, object> {
  const missing: Record<string, object> = {};
  for (const { optionalDependencies, dev } of Object.values(packages)) {
    for (const [name, version] of Object.entries(optionalDependencies ?? {})) {
      const path = `node_modules/${name}`;
      if (packages[path] !== undefined) continue;
      missing[path] = { version, ...platformOf(name), ...(dev ? { dev } : {}), optional: true };
    }
  }
  return missing;
}

if (process.argv[1] === import.meta.filename) {
  const lock = JSON.parse(readFileSync(file, "utf8"));
  const missing = missingEntries(lock.packages);
  const sorted = Object.entries({ ...lock.packages, ...missing }).sort(([a], [b]) => (a < b ? -1 : 1));
  lock.packages = Object.fromEntries(sorted);
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
  console.log(`${Object.keys(missing).length} packages added`);
}
