/** A folder of this machine behind an S3 server, or behind a command when no server has it. */
import { secureRandom } from "../../crypto/random.js";
import type { KeyService } from "../../storage/keys/key-service.js";
import { LocalObjects } from "../../storage/local/local-objects.js";
import { DirectoryStore } from "../../storage/store/directory-store.js";
import type { ObjectStore } from "../../storage/store/object-store.js";
import { StoreFolderError } from "../../storage/store/prepare-folder.js";
import { LockedError } from "../../storage/store/process-lock.js";
import { StoreReader } from "../../storage/store/store-reader.js";
import { CommandError } from "../command.js";
import type { OpenService } from "./serve.js";
import { removeStaleUploads } from "./stale-uploads.js";

/** @param dir - absolute. @throws CommandError when it is in use, or is none that objects can be kept in */
export async function openStore(dir: string, note: (text: string) => void): Promise<DirectoryStore> {
  return told(dir, () => DirectoryStore.open(dir, { warn: note }));
}

/** To look at, whoever has it open. @param dir - absolute. @throws CommandError when it holds no store */
export async function readStore(dir: string): Promise<StoreReader> {
  return told(dir, () => StoreReader.open(dir));
}

/** What is wrong with a folder, in words for who runs the command. @throws CommandError */
export async function told<T>(dir: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof LockedError) {
      throw new CommandError(`'${dir}' is in use by another process`, {
        cause,
        hints: [
          "a folder belongs to one server at a time; this needs it to be stopped",
          "'kes-s3 verify' and 'stat' look at a folder in use, and 'rotate --server URL' asks the server itself",
        ],
      });
    }
    if (cause instanceof StoreFolderError) throw new CommandError(cause.message, { cause });
    throw cause;
  }
}

/** The objects of a folder. Closing them closes store and keys. */
export function objectsOf(
  store: ObjectStore,
  keys: KeyService | undefined,
  autoEncryption: boolean,
): LocalObjects {
  return new LocalObjects({ store, keys, random: secureRandom, now: Date.now, autoEncryption });
}

/** @param dir - absolute */
export function openFolder(dir: string): OpenService {
  return async ({ settings, keys, note, metrics }) => {
    const store = await openStore(dir, note);
    const service = objectsOf(store, keys, settings.keys.autoEncryption);
    removeStaleUploads(service, settings.uploads, {
      note,
      removed: (count) => metrics.staleUploadsRemoved(count),
    });
    return { service, description: `folder ${dir}` };
  };
}
