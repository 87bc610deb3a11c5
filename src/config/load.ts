/** The door to the configuration: light to import, the parser and the validator are loaded when it is used. */
import type { Config } from "./config.js";
import type { LoadOptions } from "./context.js";
import type { Inspection } from "./inspect.js";

/**
 * Reads `file`, a configuration, a policy document or a section `policy`, and everything it names, and tells what it
 * says and what is wrong with it. Faults are not thrown.
 * @param text - what the file holds, where it is none on the disk
 */
export async function inspectFile(file: string, options: LoadOptions, text?: string): Promise<Inspection> {
  const { inspect } = await import("./inspect.js");
  return inspect(file, options, text);
}

/**
 * Reads the configuration `file` and everything it names: policy documents and certificates of identities.
 * Also used for reloads; nothing is kept between calls.
 * @throws ConfigError with every fault found
 */
export async function loadConfig(file: string, options: LoadOptions): Promise<Config> {
  const { readConfig } = await import("./reader.js");
  return readConfig(file, options);
}
