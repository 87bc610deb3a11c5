/** Reads files with policies as the server would: joins the loader with the keystores and the routes there are. */
import { keystores } from "../../../keystores/registry.js";
import type { Inspection } from "../../config/inspect.js";
import { inspectFile } from "../../config/load.js";
import type { PolicyApi } from "../../policy/route-space.js";
import { type CommandContext, CommandError } from "../command.js";
import { loadOptions } from "../server/config-source.js";

/** The longest text that the loader takes from a file, too. */
const MAX_STDIN_BYTES = 1024 * 1024;

export interface PolicyFile {
  readonly inspection: Inspection;
  /** The API that its patterns are held against, with the routes that it opens. */
  readonly api: PolicyApi;
}

/** @param file - relative to the working directory; `-` for standard input */
export async function readPolicyFile(file: string, context: CommandContext): Promise<PolicyFile> {
  const options = { ...loadOptions(context.env, keystores), cwd: context.cwd };
  const inspection =
    file === "-"
      ? await inspectFile("<stdin>", options, await readStdin(context))
      : await inspectFile(file, options);
  const { openRoutes } = inspection;
  const routes = options.routes.map((route) =>
    openRoutes.has(route.path) ? { ...route, open: true } : route,
  );
  return { inspection, api: { routes, removedPaths: options.removedPaths } };
}

async function readStdin({ stdin }: CommandContext): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stdin) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > MAX_STDIN_BYTES)
      throw new CommandError(`standard input is larger than ${MAX_STDIN_BYTES} bytes`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString("utf8");
}
