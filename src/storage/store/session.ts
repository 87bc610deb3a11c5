/**
 * Which index belongs to which files. A start removes files that the index does not know, so an index that is new, old
 * or another store's must never be taken for the right one: each start writes a new random word into the marker of the
 * folder, then into the index. They are one store when the index's word is one of the marker's last two.
 */
import { constants } from "node:fs";
import { errnoOf } from "./faults.js";
import type { FileSystem } from "./file-system.js";
import { syncFolder } from "./folder-sync.js";
import type { Index, IndexDatabase } from "./index-database.js";
import { textKey } from "./index-keys.js";
import type { Layout } from "./layout.js";
import { StoreFolderError } from "./prepare-folder.js";

const FORMAT = "keswick object store";
const VERSION = 1;
const MAX_MARKER_BYTES = 4096;
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

const SESSION = textKey("session");

/** What stands in `keswick.json`. */
interface Marker {
  readonly session: string;
  /** That of the start before. */
  readonly previous: string;
}

/**
 * To be called with the lock held, before anything is removed.
 * @param session - a random word
 * @throws StoreFolderError when the folder is of another kind or version, or the index is not its own
 */
export async function beginSession(
  system: FileSystem,
  layout: Layout,
  index: IndexDatabase,
  session: string,
): Promise<void> {
  const marker = await readMarker(system, layout);
  const known = index.get("state", SESSION);
  if (marker === undefined) {
    // Nothing was acknowledged before the first marker stood.
    if (await hasEntries(system, layout.data))
      throw new StoreFolderError(`'${layout.root}' holds data, but no 'keswick.json': rebuild its index`);
  } else if (!isOwnIndex(index, marker)) {
    throw new StoreFolderError(
      `the index of '${layout.root}' is missing, or older than its data: rebuild it ` +
        "(kes-s3 verify --rebuild-index)",
    );
  }
  await writeMarker(system, layout, { session, previous: known ?? session });
  await joinSession(index, session);
}

/** Whether the index is that of the folder, as it is now. */
export function isOwnIndex(index: Pick<Index, "get">, { session, previous }: Marker): boolean {
  const known = index.get("state", SESSION);
  return known !== undefined && (known === session || known === previous);
}

/** Makes an index that of the session. */
export async function joinSession(index: IndexDatabase, session: string): Promise<void> {
  await index.change((change) => change.put("state", SESSION, session));
}

/** Durable when it resolves. From then on only an index of these sessions is accepted. */
export async function writeMarker(system: FileSystem, layout: Layout, marker: Marker): Promise<void> {
  // Published whole: a crash must not leave half a marker, which would be taken for a foreign one.
  const draft = `${layout.drafts}/marker-${marker.session}`;
  const fd = await system.open(draft, CREATE, 0o600);
  try {
    await system.write(
      fd,
      Buffer.from(`${JSON.stringify({ format: FORMAT, version: VERSION, ...marker })}\n`),
    );
    await system.fsync(fd);
  } finally {
    await system.close(fd);
  }
  await system.rename(draft, layout.marker);
  await syncFolder(system, layout.root);
}

/** @throws StoreFolderError when something else stands there, or a version that we do not know */
export async function readMarker(system: FileSystem, layout: Layout): Promise<Marker | undefined> {
  const text = await readText(system, layout.marker);
  if (text === undefined) return undefined;
  const value = parse(text);
  const member = (name: string): unknown =>
    typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
  const [session, previous] = [member("session"), member("previous")];
  if (member("format") !== FORMAT || typeof session !== "string" || typeof previous !== "string")
    throw new StoreFolderError(`'${layout.marker}' is not the marker of an object store`);
  if (member("version") !== VERSION)
    throw new StoreFolderError(
      `'${layout.root}' is of version ${member("version")}; this server knows version ${VERSION}`,
    );
  return { session, previous };
}

async function hasEntries(system: FileSystem, folder: string): Promise<boolean> {
  for await (const _ of system.entries(folder)) return true;
  return false;
}

async function readText(system: FileSystem, path: string): Promise<string | undefined> {
  let fd: number;
  try {
    fd = await system.open(path, READ);
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT") return undefined;
    throw cause;
  }
  try {
    const bytes = Buffer.alloc(MAX_MARKER_BYTES);
    return bytes.toString("utf8", 0, await system.read(fd, bytes, 0));
  } finally {
    await system.close(fd);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // What cannot be read is not ours.
    return undefined;
  }
}
