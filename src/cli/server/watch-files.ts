/** `server.watch`: files of a running server that are applied as soon as they change. */
import { causes } from "../../audit/error-log.js";
import type { Config } from "../../config/config.js";
import { ConfigError } from "../../errors.js";
import { contentOf, FileWatch } from "../../server/file-watch.js";
import type { Output } from "../output.js";
import { configFiles, tlsFiles } from "./watched-files.js";

/** The part of a server that is needed. */
export interface Watched {
  /** In force now. */
  readonly config: Config;
  reload(load: () => Promise<Config>): Promise<void>;
  refreshTls(load: () => Promise<Config>): Promise<void>;
}

export interface WatchOptions {
  readonly load: () => Promise<Config>;
  /** What the files held when `load` was last called. */
  readonly read: ReadFiles;
  readonly output: Output;
  readonly everyMs?: number;
}

const tlsPaths = (config: Config): readonly string[] =>
  config.server.watch === "off" ? [] : tlsFiles(config);
const configPaths = (config: Config): readonly string[] =>
  config.server.watch === "all" ? configFiles(config) : [];

/** What files held when they were read: a change is seen however soon it comes, and however long a start takes. */
export class ReadFiles {
  #contents = new Map<string, string>();

  /**
   * To be called when a configuration has been read, before the files that it names are.
   * @param sinceMs - since 1970, when the reading began
   */
  async remember(config: Config, sinceMs: number): Promise<void> {
    const [certificates, documents] = [tlsPaths(config), configPaths(config)];
    this.#contents = new Map([
      [JSON.stringify(certificates), await contentOf(certificates)],
      [JSON.stringify(documents), await contentOf(documents, sinceMs)],
    ]);
  }

  contentOf(paths: readonly string[]): string | undefined {
    return this.#contents.get(JSON.stringify(paths));
  }
}

/** Watches as the configuration says that is in force at each look. The watch does not keep the process alive. */
export function watchFiles(server: Watched, { load, read, output, everyMs }: WatchOptions): void {
  const usual = {
    known: (paths: readonly string[]) => read.contentOf(paths),
    ...(everyMs === undefined ? {} : { everyMs }),
  };
  const tell = async (what: string, change: Promise<void>): Promise<void> => {
    try {
      await change;
      output.note(`${what}: applied`);
    } catch (error) {
      const reason = error instanceof ConfigError ? error.message : causes(error);
      output.note(`${what}, but everything stays as it was: ${reason}`);
    }
  };
  const certificates = new FileWatch({
    ...usual,
    paths: () => tlsPaths(server.config),
    // What else the file says by now is not to be applied by this, nor to keep a certificate from being renewed.
    changed: () =>
      tell(
        "certificate files have changed",
        server.refreshTls(async () => server.config),
      ),
  });
  const configuration = new FileWatch({
    ...usual,
    paths: () => configPaths(server.config),
    changed: () => tell("configuration files have changed", server.reload(load)),
  });
  // At once: what has changed while the server started is applied all the sooner.
  for (const watch of [certificates, configuration]) void watch.look();
}
