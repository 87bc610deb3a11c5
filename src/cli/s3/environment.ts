/** The environment as MinIO reads it: files of variables, files of secrets. */
import { open } from "node:fs/promises";
import { resolve } from "node:path";
import { ConfigError, type ConfigFault } from "../../errors.js";
import { type ReadText, withEnvironmentFile } from "../../storage/keys/environment-file.js";
import { readKeySettings, type StorageKeySettings } from "../../storage/keys/settings.js";
import type { Environment } from "../../storage/keys/variables.js";
import { readServerSettings, type ServerSettings } from "../../storage/server/settings.js";
import { readUploadSettings, type UploadSettings } from "./upload-settings.js";

const MAX_TEXT_BYTES = 1024 * 1024;

/** Reads small text files by names relative to `cwd`. */
export function textReader(cwd: string): ReadText {
  return async (path) => {
    try {
      const handle = await open(resolve(cwd, path), "r");
      try {
        const { size } = await handle.stat();
        if (size > MAX_TEXT_BYTES) throw fileFault(path, `is larger than ${MAX_TEXT_BYTES} bytes`);
        return await handle.readFile("utf8");
      } finally {
        await handle.close();
      }
    } catch (error) {
      if (error instanceof ConfigError) throw error;
      const code = error instanceof Error && "code" in error ? String(error.code) : "";
      if (code === "ENOENT" || code === "ENOTDIR") return undefined;
      throw fileFault(path, code === "EISDIR" ? "is a folder, not a file" : `cannot be read (${code})`);
    }
  };
}

function fileFault(path: string, message: string): ConfigError {
  return new ConfigError([{ file: path, message }]);
}

export interface StorageEnvironment {
  readonly environment: Environment;
  readonly server: ServerSettings;
  readonly keys: StorageKeySettings;
  readonly uploads: UploadSettings;
}

/** All settings that are variables. @throws ConfigError with the faults of all of them */
export async function readStorageEnvironment(env: Environment, cwd: string): Promise<StorageEnvironment> {
  const readText = textReader(cwd);
  const environment = await withEnvironmentFile(env, readText);
  const [server, keys, uploads] = await Promise.allSettled([
    readServerSettings(environment, readText),
    readKeySettings(environment, readText),
    readUploadSettings(environment),
  ]);
  if (server.status === "fulfilled" && keys.status === "fulfilled" && uploads.status === "fulfilled") {
    return { environment, server: server.value, keys: keys.value, uploads: uploads.value };
  }
  throw new ConfigError([...faultsOf(server), ...faultsOf(keys), ...faultsOf(uploads)]);
}

function faultsOf(result: PromiseSettledResult<unknown>): readonly ConfigFault[] {
  if (result.status === "fulfilled") return [];
  if (result.reason instanceof ConfigError) return result.reason.faults;
  throw result.reason;
}
