/** Objects in a folder, their keys in a key server: what the processes of `npm run rotation` have in common. */

import { systemClock } from "../../src/client/clock.js";
import { secureRandom } from "../../src/crypto/random.js";
import { openKeyService } from "../../src/storage/keys/open.js";
import { readKeySettings } from "../../src/storage/keys/settings.js";
import { LocalObjects } from "../../src/storage/local/local-objects.js";
import { DirectoryStore } from "../../src/storage/store/directory-store.js";

export const BUCKET = "bucket";
const BYTES = 4096;

/** What a process is told. */
export interface Task {
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
}

export interface Site {
  readonly store: DirectoryStore;
  readonly objects: LocalObjects;
}

export async function openSite({ folder, environment }: Task): Promise<Site> {
  const { keys: settings } = await readKeySettings(environment, async () => undefined);
  if (settings === undefined) throw new Error("no key service");
  const keys = await openKeyService(settings, { environment: {}, random: secureRandom, clock: systemClock });
  const store = await DirectoryStore.open(folder);
  const objects = new LocalObjects({ store, keys, random: secureRandom, now: Date.now });
  return { store, objects };
}

export function keyOf(index: number): string {
  return `object/${String(index).padStart(6, "0")}`;
}

/** Differs from object to object. */
export function contentOf(index: number): Buffer {
  return Buffer.alloc(BYTES, `object ${index} `);
}
