/** The door to the configuration: light to import, the parser and the validator are loaded when it is used. */
import type { Config } from "./config.js";
import type { LoadOptions } from "./context.js";

/**
 * Reads the configuration `file` and everything it names: policy documents and certificates of identities.
 * Also used for reloads; nothing is kept between calls.
 * @throws ConfigError with every fault found
 */
export async function loadConfig(file: string, options: LoadOptions): Promise<Config> {
  const { readConfig } = await import("./reader.js");
  return readConfig(file, options);
}
