/**
 * Keeps a second process from a folder. The lock dies with its holder, and nobody can take it twice.
 *
 * The lock is a folder `lock` that holds one socket on which its holder listens. Whether somebody listens the kernel
 * knows: nothing rests on process ids, clocks or timeouts, and containers that share the folder see the same.
 * - Taking it: a folder with the socket in it is prepared aside and renamed to `lock`. rename(2) of a folder succeeds
 *   only over nothing or over an empty folder, so of two takers one wins.
 * - Breaking it: a socket on which nobody listens is removed by its random name, so that nobody else's can be hit.
 *
 * It works within one machine. So does the index: LMDB is not made for network file systems.
 */
import { closeSync, constants, openSync } from "node:fs";
import { createConnection, createServer, type Server } from "node:net";
import { basename, dirname, join } from "node:path";
import { errnoOf, unless } from "./faults.js";
import type { FileSystem } from "./file-system.js";

/** Another store is open on this folder. */
export class LockedError extends Error {
  override readonly name = "LockedError";

  constructor(folder: string) {
    super(`'${folder}' is in use: another process has this folder open as its store`);
  }
}

/** sun_path of sockaddr_un, without the last zero, on the systems that have the least. */
const MAX_PATH_BYTES = 103;
/** A dead holder's socket is removed once; each further turn means that another taker came and went meanwhile. */
const MAX_TURNS = 100;

/**
 * Takes the lock `path`.
 * @param aside - a folder of the same file system, for what is prepared
 * @returns how to let go
 * @throws LockedError while its holder lives
 */
export async function takeLock(
  system: FileSystem,
  path: string,
  aside: string,
  id: string,
): Promise<() => Promise<void>> {
  const draft = join(aside, `lock-${id}`);
  await system.mkdir(draft, 0o700);
  let server: Server | undefined;
  try {
    const listening = await listen(join(draft, id));
    server = listening;
    for (let turn = 0; turn < MAX_TURNS; turn++) {
      if (await renamed(system, draft, path)) return () => release(system, listening, join(path, id));
      for await (const { name } of entriesOf(system, path)) {
        if (await isListening(join(path, name))) throw new LockedError(dirname(path));
        await unless("ENOENT", system.unlink(join(path, name)));
      }
    }
    throw new LockedError(dirname(path));
  } catch (cause) {
    if (server !== undefined) await closed(server);
    await unless("ENOENT", system.unlink(join(draft, id)));
    await unless("ENOENT", system.rmdir(draft));
    // The holder of the lock sweeps what it finds aside.
    throw errnoOf(cause) === "ENOENT" ? new LockedError(dirname(path)) : cause;
  }
}

async function release(system: FileSystem, server: Server, socket: string): Promise<void> {
  // Out of the way first: a taker that finds it gone must not find a listener that is about to go.
  try {
    await unless("ENOENT", system.unlink(socket));
  } finally {
    await closed(server);
  }
}

async function renamed(system: FileSystem, from: string, to: string): Promise<boolean> {
  try {
    await system.rename(from, to);
    return true;
  } catch (cause) {
    const errno = errnoOf(cause);
    if (errno === "ENOTEMPTY" || errno === "EEXIST") return false;
    throw cause;
  }
}

async function* entriesOf(system: FileSystem, folder: string) {
  try {
    yield* system.entries(folder);
  } catch (cause) {
    if (errnoOf(cause) !== "ENOENT") throw cause;
  }
}

async function listen(path: string): Promise<Server> {
  return reachable(path, (short) => {
    return new Promise((resolve, reject) => {
      // Who connects has seen all there is to see.
      const server = createServer((socket) => socket.destroy());
      server.once("error", reject);
      // The store must not keep a process alive.
      server.listen({ path: short, backlog: 511 }, () => resolve(server.unref()));
    });
  });
}

async function isListening(path: string): Promise<boolean> {
  return reachable(path, (short) => {
    return new Promise((resolve) => {
      const socket = createConnection({ path: short });
      socket.once("connect", () => {
        socket.destroy();
        resolve(true);
      });
      // Anything else, a full backlog for example, is no proof that nobody is there.
      socket.once("error", (cause) => {
        const errno = errnoOf(cause);
        resolve(errno !== "ECONNREFUSED" && errno !== "ENOENT" && errno !== "ENOTSOCK");
      });
    });
  });
}

/** Paths of sockets are short: where `path` is too long, it is named from a descriptor of its folder. */
async function reachable<T>(path: string, use: (short: string) => Promise<T>): Promise<T> {
  if (Buffer.byteLength(path) <= MAX_PATH_BYTES) return use(path);
  const fd = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return await use(`/proc/self/fd/${fd}/${basename(path)}`);
  } finally {
    closeSync(fd);
  }
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
