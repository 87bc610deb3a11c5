/** The objects that flags and environment name. */
import { resolve } from "node:path";
import { withEnvironmentFile } from "../../../storage/keys/environment-file.js";
import { readServerSettings } from "../../../storage/server/settings.js";
import { type CommandContext, CommandError } from "../../command.js";
import { textReader } from "../environment.js";
import type { RotatedObjects } from "./objects.js";

export interface ObjectsOptions {
  readonly bucket: string;
  readonly server: string | undefined;
  readonly dir: string | undefined;
  readonly ca: string | undefined;
  readonly parallel: number;
}

const DEFAULT_SERVER = "http://127.0.0.1:9000";
const DEFAULT_REGION = "us-east-1";

/** @throws CommandError, ConfigError */
export async function openObjects(
  context: CommandContext,
  { bucket, server = DEFAULT_SERVER, dir, ca, parallel }: ObjectsOptions,
): Promise<RotatedObjects> {
  const { cwd } = context;
  if (dir !== undefined) {
    const [{ openDirectory }, { FolderObjects }] = await Promise.all([
      import("../directory.js"),
      import("./folder-objects.js"),
    ]);
    const folder = resolve(cwd, dir);
    const { service } = await openDirectory(context, folder);
    return new FolderObjects(folder, bucket, service);
  }
  if (!URL.canParse(server) || !/^https?:$/.test(new URL(server).protocol)) {
    throw new CommandError(`'${server}' is not a URL: write http://HOST:PORT or https://HOST:PORT`);
  }
  const readText = textReader(cwd);
  const environment = await withEnvironmentFile(context.env, readText);
  const { root, region = DEFAULT_REGION } = await readServerSettings(environment, readText);
  const { remoteObjects } = await import("./remote-objects.js");
  const place = { url: server, bucket, accessKey: root.accessKey, secret: root.secret, region };
  return remoteObjects({ ...place, ...(ca === undefined ? {} : { caFile: resolve(cwd, ca) }) }, parallel);
}
