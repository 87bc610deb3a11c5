/** Files of a running S3 server that are read again when they change: access keys, certificate. */
import { causes } from "../../audit/error-log.js";
import { readTextFile, TextFileError } from "../../config/text-file.js";
import { ConfigError } from "../../errors.js";
import { readServerCredentials } from "../../identity/server-credentials.js";
import { FileWatch } from "../../server/file-watch.js";
import type { AccessKeyEntry, AccessKeys } from "../../storage/server/access-keys.js";
import type { Listener, TlsPair } from "../../storage/server/listener.js";
import type { Output } from "../output.js";
import { parseAccessKeys } from "./access-key-file.js";
import type { S3ServerOptions } from "./server-options.js";

/** @param root - the root's access key. @throws ConfigError naming file, place and reason */
export async function readAccessKeys(
  file: string | undefined,
  root: string,
): Promise<readonly AccessKeyEntry[]> {
  if (file === undefined) return [];
  try {
    return parseAccessKeys(await readTextFile(file), file, root);
  } catch (error) {
    if (!(error instanceof TextFileError)) throw error;
    throw new ConfigError([{ file, message: error.message }]);
  }
}

/** Undefined for plain HTTP. @param password - of the private key. @throws ConfigError */
export async function readTlsPair(
  tls: S3ServerOptions["tls"],
  password: string | undefined,
): Promise<TlsPair | undefined> {
  if (tls === undefined) return undefined;
  const { key, cert } = await readServerCredentials({
    ...tls,
    ...(password === undefined ? {} : { password }),
  });
  return { key, cert };
}

export interface ReloadParts {
  readonly options: S3ServerOptions;
  readonly root: string;
  readonly password: string | undefined;
  readonly credentials: AccessKeys;
  readonly listener: Listener;
  readonly output: Output;
}

/** Reads again what has changed; what cannot be used is told, and everything stays as it was. */
export class Reloads {
  readonly #parts: ReloadParts;
  readonly #watches: readonly FileWatch[];

  constructor(parts: ReloadParts) {
    const { tls, accessKeyFile } = parts.options;
    this.#parts = parts;
    const files = [
      {
        paths: tls === undefined ? [] : [tls.keyFile, tls.certFile],
        changed: () => this.#certificate(),
      },
      { paths: accessKeyFile === undefined ? [] : [accessKeyFile], changed: () => this.#accessKeys() },
    ];
    this.#watches = files
      .filter(({ paths }) => paths.length > 0)
      .map(({ paths, changed }) => new FileWatch({ paths: () => paths, changed }));
    // At once: what changes within the first seconds has to be told from what the server was started with.
    for (const watch of this.#watches) void watch.look();
  }

  /** All of it, changed or not. */
  async now(): Promise<void> {
    await this.#certificate();
    await this.#accessKeys();
  }

  close(): void {
    for (const watch of this.#watches) watch.close();
  }

  async #certificate(): Promise<void> {
    const { options, password, listener } = this.#parts;
    await this.#tell("certificate", async () => {
      const pair = await readTlsPair(options.tls, password);
      if (pair === undefined) return false;
      listener.changeCertificate(pair);
      return true;
    });
  }

  async #accessKeys(): Promise<void> {
    const { options, root, credentials } = this.#parts;
    await this.#tell("access keys", async () => {
      if (options.accessKeyFile === undefined) return false;
      credentials.replace(await readAccessKeys(options.accessKeyFile, root));
      return true;
    });
  }

  async #tell(what: string, change: () => Promise<boolean>): Promise<void> {
    const { output } = this.#parts;
    try {
      if (await change()) output.note(`${what}: read again`);
    } catch (error) {
      const reason = error instanceof ConfigError ? error.message : causes(error);
      output.note(`${what}: stay as they were: ${reason}`);
    }
  }
}
