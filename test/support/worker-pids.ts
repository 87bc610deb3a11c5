/** Finds the worker processes of a server that runs as a process of its own. */
import { readdir, readFile } from "node:fs/promises";

/** Process ids of the workers of the server with the id `primary`. Linux only. */
export async function workerPids(primary: number): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const [stat, command] = await Promise.all([
        readFile(`/proc/${name}/stat`, "utf8"),
        readFile(`/proc/${name}/cmdline`, "utf8"),
      ]);
      // After the name, which may hold anything, come state and parent.
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      if (parent === primary && command.includes("worker-main")) found.push(Number(name));
    } catch {
      // It ended meanwhile.
    }
  }
  return found;
}
