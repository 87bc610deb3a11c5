/** `server.watch`: files of a running server that are applied as soon as they change. */
import { causes } from "../../audit/error-log.js";
import type { Config } from "../../config/config.js";
import { ConfigError } from "../../errors.js";
import { FileWatch } from "../../server/file-watch.js";
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
  readonly output: Output;
  readonly everyMs?: number;
}

/** Watches as the configuration says that is in force at each look. The watch does not keep the process alive. */
export function watchFiles(server: Watched, { load, output, everyMs }: WatchOptions): void {
  const interval = everyMs === undefined ? {} : { everyMs };
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
    ...interval,
    paths: () => (server.config.server.watch === "off" ? [] : tlsFiles(server.config)),
    // What else the file says by now is not to be applied by this, nor to keep a certificate from being renewed.
    changed: () =>
      tell(
        "certificate files have changed",
        server.refreshTls(async () => server.config),
      ),
  });
  const configuration = new FileWatch({
    ...interval,
    paths: () => (server.config.server.watch === "all" ? configFiles(server.config) : []),
    changed: () => tell("configuration files have changed", server.reload(load)),
  });
  // At once: what changes within the first seconds of a server has to be told from what it was started with.
  for (const watch of [certificates, configuration]) void watch.look();
}
