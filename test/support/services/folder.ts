/** Where installed services rest: outside the repository, shared by all its work trees. */
import { accessSync, constants, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, isAbsolute, join } from "node:path";
import { type ServiceName, services } from "./catalogue.js";

/** The cache folder: `KESWICK_SERVICES_DIR`, else below `XDG_CACHE_HOME`, else below `~/.cache`. */
export function servicesFolder(env: NodeJS.ProcessEnv = process.env): string {
  if (env.KESWICK_SERVICES_DIR) return env.KESWICK_SERVICES_DIR;
  const cache = env.XDG_CACHE_HOME;
  // The XDG specification has relative values ignored.
  const base = cache && isAbsolute(cache) ? cache : join(homedir(), ".cache");
  return join(base, "keswick", "services");
}

/** Path of a service's binary, whether or not it is there. */
export function binaryPath(name: ServiceName): string {
  return join(servicesFolder(), name);
}

/** Path of the file that says which version the binary is. It is written after the binary is in place. */
export function stampPath(name: ServiceName): string {
  return `${binaryPath(name)}.version`;
}

/** Whether the binary of the pinned version is installed. */
export function isInstalled(name: ServiceName): boolean {
  return installedVersion(name) === services[name].version && isExecutable(binaryPath(name));
}

/** The version in the stamp file, or nothing when there is none. */
export function installedVersion(name: ServiceName): string | undefined {
  try {
    return readFileSync(stampPath(name), "utf8").trim();
  } catch {
    return undefined;
  }
}

/** Where Debian puts servers; not on everybody's `PATH`. */
const SERVER_FOLDERS = ["/usr/local/sbin", "/usr/sbin"];

/** Finds a program on the `PATH`, or among the system's servers. */
export function findOnPath(program: string, env: NodeJS.ProcessEnv = process.env): string | undefined {
  return (env.PATH ?? "")
    .split(delimiter)
    .filter((folder) => folder !== "")
    .concat(SERVER_FOLDERS)
    .map((folder) => join(folder, program))
    .find(isExecutable);
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
