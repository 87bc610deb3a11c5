/** Opens keystores without a server: joins the configuration with the keystores that there are. */
import { resolve } from "node:path";
import { keystores } from "../../../keystores/registry.js";
import type { Config } from "../../config/config.js";
import { ConfigError, formatFault, isKesError } from "../../errors.js";
import type { KeystoreAdapter, KeystorePermissions } from "../../keystore/adapter.js";
import type { Keystore } from "../../keystore/contract.js";
import { type CommandContext, CommandError } from "../command.js";
import { readConfig } from "../server/config-source.js";
import { reasonOf } from "./reason.js";

/** A configuration and the kind of keystore that it names, not opened yet. */
export interface KeystoreSource {
  readonly config: Config;
  /** What the log-in must be allowed; undefined where access has no language of its own. */
  readonly permissions: KeystorePermissions | undefined;
  /**
   * @param mustExist - as in `AdapterContext`
   * @throws ConfigError that says why it cannot be opened, its cause being what the adapter threw
   */
  open(mustExist: boolean): Promise<Keystore>;
}

/**
 * Reads the configuration `file`; only its keystore matters, but all of it must be valid, as for the server.
 * @param file - relative to the working directory
 * @throws ConfigError
 */
export async function readKeystoreSource(context: CommandContext, file: string): Promise<KeystoreSource> {
  const config = await readConfig(resolve(context.cwd, file), context.env, keystores);
  for (const warning of config.warnings) context.output.note(`warning: ${formatFault(warning)}`);
  const { kind, options } = config.keystore;
  const adapter = await adapterOf(kind);
  return {
    config,
    permissions: adapter.permissions?.(options),
    async open(mustExist) {
      try {
        return await adapter.open(options, { warn: (text) => context.output.note(text), mustExist });
      } catch (cause) {
        const fault = { file: config.file, path: `keystore.${kind}`, message: reasonOf(cause) };
        throw Object.assign(new ConfigError([fault]), { cause });
      }
    },
  };
}

async function adapterOf(kind: string): Promise<KeystoreAdapter> {
  const registry: Readonly<Record<string, (() => Promise<{ adapter: KeystoreAdapter }>) | undefined>> =
    keystores;
  const load = Object.hasOwn(registry, kind) ? registry[kind] : undefined;
  if (load === undefined) throw new Error(`no keystore of the kind '${kind}'`);
  return (await load()).adapter;
}

/**
 * Runs `work` with a keystore and closes it whatever happens.
 * @throws what `work` throws; in place of a KesError a CommandError that says why, as its message alone does not
 */
export async function withKeystore<T>(
  source: KeystoreSource,
  mustExist: boolean,
  work: (keystore: Keystore) => Promise<T>,
): Promise<T> {
  const keystore = await source.open(mustExist);
  try {
    return await work(keystore);
  } catch (error) {
    throw isKesError(error) ? new CommandError(reasonOf(error), { cause: error }) : error;
  } finally {
    await keystore.close();
  }
}
