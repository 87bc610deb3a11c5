/**
 * Keeps a second server from an audit file that one writes already: two would break each other's chain, and the second
 * would take the line that the first is writing for the torn end of a dead one. Node has no flock(2).
 */
import { constants } from "node:fs";
import { open, readFile, readlink, unlink } from "node:fs/promises";

/** Another process holds the lock. */
export class LockedError extends Error {
  override readonly name = "LockedError";
  readonly pid: number;
  constructor(pid: number) {
    super(`process ${pid} writes this file`);
    this.pid = pid;
  }
}

interface Holder {
  readonly pid: number;
  /** Start of the process in ticks since boot: numbers of processes are used again. */
  readonly started: string;
  readonly boot: string;
  /** Namespace in which `pid` means something; that of a dead container is gone. */
  readonly namespace: string;
}

/**
 * Takes the lock file `path`.
 * @returns how to let go
 * @throws LockedError while its holder lives
 */
export async function takeLock(path: string): Promise<() => Promise<void>> {
  const own = await holderOf(process.pid);
  // A dead holder's file is taken away once; whoever wins the next creation has the lock.
  for (let turn = 0; ; turn++) {
    try {
      const handle = await open(path, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o640);
      try {
        await handle.writeFile(`${JSON.stringify(own)}\n`);
      } finally {
        await handle.close();
      }
      return () => unlink(path);
    } catch (cause) {
      if (!(cause instanceof Error && "code" in cause && cause.code === "EEXIST") || turn > 1) throw cause;
    }
    const holder = await readHolder(path);
    if (holder !== undefined && (await isAlive(holder, own))) throw new LockedError(holder.pid);
    await unlink(path).catch((cause) => {
      if (!(cause instanceof Error && "code" in cause && cause.code === "ENOENT")) throw cause;
    });
  }
}

async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, "utf8"));
    if (typeof value !== "object" || value === null) return undefined;
    const text = (name: string): string => String(Reflect.get(value, name));
    const pid = Number(Reflect.get(value, "pid"));
    if (!Number.isSafeInteger(pid) || pid < 1) return undefined;
    return { pid, started: text("started"), boot: text("boot"), namespace: text("namespace") };
  } catch {
    // Half written by a process that died, or gone meanwhile: nobody's.
    return undefined;
  }
}

async function isAlive(holder: Holder, own: Holder): Promise<boolean> {
  if (holder.boot !== own.boot || holder.namespace !== own.namespace) return false;
  // A lock of this very process is held by another writer in it.
  const now = await holderOf(holder.pid);
  if (now.started !== "") return now.started === holder.started;
  if (own.started !== "") return false;
  try {
    // No /proc here; a process of somebody else's answers EPERM.
    process.kill(holder.pid, 0);
    return true;
  } catch (cause) {
    return cause instanceof Error && "code" in cause && cause.code === "EPERM";
  }
}

async function holderOf(pid: number): Promise<Holder> {
  const [stat, boot, namespace] = await Promise.all([
    readFile(`/proc/${pid}/stat`, "utf8").catch(() => ""),
    readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => ""),
    readlink("/proc/self/ns/pid").catch(() => ""),
  ]);
  // Behind the name of the program, which may hold blanks and parentheses; the 20th of the rest is field 22.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // A zombie writes nothing any more.
  const started = fields[0] === "Z" ? "" : (fields[19] ?? "");
  return { pid, started, boot: boot.trim(), namespace };
}
