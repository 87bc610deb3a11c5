/** What `kes doctor` looks at: files of a server, running servers, or both. */
import { UsageError } from "../../errors.js";
import { keyName } from "../../names.js";
import type { CommandContext } from "../command.js";
import type { RemoteOptions } from "../remote/options.js";
import { shown } from "./files.js";
import type { Section } from "./report.js";

export interface ExamineOptions {
  /** Absolute; undefined for running servers alone. */
  readonly configFile: string | undefined;
  readonly key: string | undefined;
  readonly isCreating: boolean;
  readonly remote: RemoteOptions;
  readonly signal: AbortSignal;
}

/** @throws UsageError for flags that do not go together */
export async function examine(
  context: CommandContext,
  { configFile, key, isCreating, remote, signal }: ExamineOptions,
): Promise<readonly Section[]> {
  if (isCreating && key === undefined) throw new UsageError("--create needs --key");
  if (key !== undefined && keyName(key) === undefined) throw new UsageError(`'${key}' is no name of a key`);
  const asksServers = configFile === undefined || remote.server.length > 0;
  if (key !== undefined && !asksServers)
    throw new UsageError("--key needs a running server: give --server as well");
  const sections: Section[] = [];
  if (configFile !== undefined) {
    const [{ serverFileFindings }, { fileFigures }] = await Promise.all([
      import("./server-files.js"),
      import("../../metrics/full/process.js"),
    ]);
    const looked = { maxFiles: fileFigures()?.max, nowMs: Date.now(), signal };
    const findings = await serverFileFindings(context, configFile, looked);
    sections.push({ subject: shown(configFile, context.cwd), findings });
  }
  if (!asksServers) return sections;
  const { serverSections } = await import("./servers.js");
  const nowMs = (): number => Date.now();
  return [...sections, ...(await serverSections(context, { remote, key, isCreating, nowMs, signal }))];
}
