/** Taking content in: small content stays in memory, larger content goes to a file of its own in pieces. */
import { constants } from "node:fs";
import { s3Error } from "../s3/errors.js";
import { AbortableSource } from "./abortable-source.js";
import { damaged, onDisk, unless } from "./faults.js";
import type { FileSystem } from "./file-system.js";
import type { Gate } from "./gate.js";
import type { Draft } from "./object-store.js";
import { MAX_INLINE_BYTES } from "./record-file.js";
import type { Space } from "./space.js";

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
/** Bytes of one write(2). A draft has two such buffers: one fills while the other is written. */
const BUFFER_BYTES = 512 * 1024;
/** Written content is sent to disk after so many bytes: memory of the system and the last fsync stay short. */
const SYNC_BYTES = 64 * 1024 * 1024;

/** Where drafts are made. */
export interface DraftPlace {
  readonly system: FileSystem;
  /** Path of a file that does not exist yet. */
  readonly newPath: () => string;
  /** For each file that is open over the time of an upload. */
  readonly gate: Gate;
  readonly space: Space;
}

/** Content that was taken in. To be used once. */
export class StoredDraft implements Draft {
  readonly storedSize: number;
  /** All of it, when it is small. */
  readonly inline: Buffer | undefined;
  /** Where it stands, when it is not. */
  readonly path: string | undefined;
  readonly #system: FileSystem;
  #isUsed = false;

  constructor(system: FileSystem, storedSize: number, content: Buffer | string) {
    this.#system = system;
    this.storedSize = storedSize;
    this.inline = typeof content === "string" ? undefined : content;
    this.path = typeof content === "string" ? content : undefined;
  }

  /**
   * Runs what makes it part of an object; when that fails, it is discarded.
   * @throws S3Error `INTERNAL` the second time
   */
  async use<T>(publish: () => Promise<T>): Promise<T> {
    if (this.#isUsed) throw damaged("the draft was used before");
    this.#isUsed = true;
    try {
      return await publish();
    } catch (cause) {
      // The first failure is the one to tell; what stays is removed at the next start.
      await this.#remove().catch(() => {});
      throw cause;
    }
  }

  async discard(): Promise<void> {
    if (this.#isUsed) return;
    this.#isUsed = true;
    await this.#remove();
  }

  async #remove(): Promise<void> {
    if (this.path !== undefined) await onDisk(unless("ENOENT", this.#system.unlink(this.path)));
  }
}

/**
 * Reads `source` to its end.
 * @throws what the source throws, the signal's reason; S3Error `STORAGE_FULL`, `INTERNAL`, `SLOW_DOWN` when too many
 * uploads wait for a file
 */
export async function makeDraft(
  place: DraftPlace,
  source: AsyncIterable<Uint8Array>,
  signal?: AbortSignal,
): Promise<StoredDraft> {
  const chunks = new AbortableSource(source, signal);
  const head: Buffer[] = [];
  let size = 0;
  try {
    for (let turn = await chunks.next(); turn.done !== true; turn = await chunks.next()) {
      // The source may use its memory again.
      head.push(Buffer.from(turn.value));
      size += turn.value.length;
      if (size > MAX_INLINE_BYTES) return await makeFile(place, Buffer.concat(head, size), chunks);
    }
    await place.space.check(size);
    return new StoredDraft(place.system, size, Buffer.concat(head, size));
  } finally {
    await chunks.close();
  }
}

async function makeFile(place: DraftPlace, head: Buffer, rest: AbortableSource): Promise<StoredDraft> {
  if (place.gate.isFull) throw s3Error("SLOW_DOWN");
  return place.gate.run(async () => {
    const { system } = place;
    await place.space.check(head.length);
    const path = place.newPath();
    const fd = await onDisk(system.open(path, CREATE, 0o600));
    try {
      let size = 0;
      try {
        const writer = new Writer(place, fd);
        await writer.add(head);
        for (let turn = await rest.next(); turn.done !== true; turn = await rest.next())
          await writer.add(turn.value);
        size = await writer.end();
      } finally {
        await onDisk(system.close(fd));
      }
      return new StoredDraft(system, size, path);
    } catch (cause) {
      // Ours since O_EXCL succeeded. Where even this fails, the next start removes it.
      await system.unlink(path).catch(() => {});
      throw cause;
    }
  });
}

/** Writes in the background, one buffer at a time. */
class Writer {
  readonly #place: DraftPlace;
  readonly #fd: number;
  #filling: Buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  #spare: Buffer | undefined;
  #filled = 0;
  #size = 0;
  #unsynced = 0;
  #writing: Promise<void> = Promise.resolve();

  constructor(place: DraftPlace, fd: number) {
    this.#place = place;
    this.#fd = fd;
  }

  /** Resolves when there is room for more. */
  async add(bytes: Uint8Array): Promise<void> {
    for (let from = 0; from < bytes.length; ) {
      const taken = Math.min(bytes.length - from, BUFFER_BYTES - this.#filled);
      this.#filling.set(bytes.subarray(from, from + taken), this.#filled);
      from += taken;
      this.#filled += taken;
      if (this.#filled === BUFFER_BYTES) await this.#send();
    }
    this.#size += bytes.length;
  }

  /** Durable when it resolves. @returns bytes in all */
  async end(): Promise<number> {
    await this.#send();
    await this.#writing;
    await onDisk(this.#place.system.fsync(this.#fd));
    return this.#size;
  }

  async #send(): Promise<void> {
    const full = this.#filling;
    const length = this.#filled;
    await this.#writing;
    this.#filling = this.#spare ?? Buffer.allocUnsafe(BUFFER_BYTES);
    this.#spare = full;
    this.#filled = 0;
    this.#writing = this.#write(full.subarray(0, length));
    // Reported by the next wait; a rejection that nobody waits for yet must not end the process.
    this.#writing.catch(() => {});
  }

  async #write(bytes: Buffer): Promise<void> {
    await this.#place.space.check(bytes.length);
    await onDisk(this.#place.system.write(this.#fd, bytes));
    this.#unsynced += bytes.length;
    if (this.#unsynced < SYNC_BYTES) return;
    this.#unsynced = 0;
    await onDisk(this.#place.system.fdatasync(this.#fd));
  }
}
