/** The objects of a folder for commands that work on it while no server does. */
import { stat } from "node:fs/promises";
import { withEnvironmentFile } from "../../storage/keys/environment-file.js";
import { readKeySettings } from "../../storage/keys/settings.js";
import type { LocalObjects } from "../../storage/local/local-objects.js";
import type { DirectoryStore } from "../../storage/store/directory-store.js";
import { type CommandContext, CommandError } from "../command.js";
import { textReader } from "./environment.js";
import { objectsOf, openStore } from "./folder.js";
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

/** With the key service that the environment names, or none. */
export async function openDirectory(context: CommandContext, dir: string): Promise<OpenDirectory> {
  const { cwd, env, output } = context;
  await requireFolder(dir);
  const readText = textReader(cwd);
  const environment = await withEnvironmentFile(env, readText);
  const keys = await openKeys({ environment, keys: await readKeySettings(environment, readText) }, output);
  try {
    const store = await openStore(dir, (text) => output.note(text));
    return { store, service: objectsOf(store, keys, false) };
  } catch (error) {
    await keys?.close();
    throw error;
  }
}
