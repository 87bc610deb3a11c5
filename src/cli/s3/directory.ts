/** The objects of a folder for commands: those that change something need it for themselves, the others only read. */
import { stat } from "node:fs/promises";
import { withEnvironmentFile } from "../../storage/keys/environment-file.js";
import { readKeySettings } from "../../storage/keys/settings.js";
import type { LocalObjects } from "../../storage/local/local-objects.js";
import type { DirectoryStore } from "../../storage/store/directory-store.js";
import type { ObjectStore } from "../../storage/store/object-store.js";
import type { StoreReader } from "../../storage/store/store-reader.js";
import { type CommandContext, CommandError } from "../command.js";
import { textReader } from "./environment.js";
import { objectsOf, openStore, readStore } from "./folder.js";
import { openKeys } from "./key-service.js";

/** @param dir - absolute. @throws CommandError for what is no folder: it is not made */
export async function requireFolder(dir: string): Promise<void> {
  const found = await stat(dir).catch(() => undefined);
  if (found?.isDirectory() !== true) throw new CommandError(`'${dir}' is not a folder`);
}

export interface OpenDirectory {
  readonly store: DirectoryStore;
  /** Closing it closes all. */
  readonly service: LocalObjects;
}

/** With the key service that the environment names, or none. No server may have the folder. */
export async function openDirectory(context: CommandContext, dir: string): Promise<OpenDirectory> {
  return withKeys(context, dir, () => openStore(dir, (text) => context.output.note(text)));
}

export interface ReadDirectory {
  readonly store: StoreReader;
  /** Reads alone. Closing it closes all. */
  readonly service: LocalObjects;
}

/** As {@link openDirectory}, for reading: whoever has the folder meanwhile. */
export async function readDirectory(context: CommandContext, dir: string): Promise<ReadDirectory> {
  return withKeys(context, dir, () => readStore(dir));
}

async function withKeys<Store extends ObjectStore>(
  { cwd, env, output }: CommandContext,
  dir: string,
  open: () => Promise<Store>,
): Promise<{ readonly store: Store; readonly service: LocalObjects }> {
  await requireFolder(dir);
  const readText = textReader(cwd);
  const environment = await withEnvironmentFile(env, readText);
  const keys = await openKeys({ environment, keys: await readKeySettings(environment, readText) }, output);
  try {
    const store = await open();
    return { store, service: objectsOf(store, keys, false) };
  } catch (error) {
    await keys?.close();
    throw error;
  }
}
