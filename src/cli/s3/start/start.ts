/** What `kes-s3 start` runs: a key server where none is configured, then an S3 server, in one folder. */
import { join } from "node:path";
import { secureRandom } from "../../../crypto/random.js";
import { withEnvironmentFile } from "../../../storage/keys/environment-file.js";
import { readKeySettings } from "../../../storage/keys/settings.js";
import { type CommandContext, CommandError } from "../../command.js";
import { ensureFolder, placesOf } from "../../commands/start.js";
import { PROJECT_FOLDER } from "../../init/layout.js";
import { parseAddress } from "../../server/address.js";
import { textReader } from "../environment.js";
import { openFolder } from "../folder.js";
import { serveS3, urlOf } from "../serve.js";
import type { S3ServerOptions } from "../server-options.js";
import { rootCredentials } from "./credentials.js";
import { ensureKeyServer } from "./key-server.js";
import { s3Quickstart } from "./quickstart.js";

/** MinIO's usual name in guides, and the one in the lines of `kes start`. */
const KEY_NAME = "my-minio-key";
const CREDENTIALS = "s3-root.env";
const OBJECTS = "s3";

type Environment = CommandContext["env"];

/** Runs until SIGINT or SIGTERM. @returns the exit code */
export async function startS3(
  options: S3ServerOptions,
  keyServer: string,
  context: CommandContext,
): Promise<number> {
  const { cwd, output } = context;
  const readText = textReader(cwd);
  const given = await withEnvironmentFile(context.env, readText);
  const folder = join(cwd, PROJECT_FOLDER);
  const keys = await keyEnvironment(given, keyServer, context);
  try {
    const login = await loginEnvironment(given, join(folder, CREDENTIALS), context);
    const env: Environment = { ...given, ...keys.environment, ...login.environment };
    const settings = await readKeySettings(env, readText);
    return await serveS3(options, openFolder(join(folder, OBJECTS)), { ...context, env }, (listening) => {
      const quickstart = { url: urlOf(listening), credentialsFile: login.file };
      output.data(s3Quickstart({ ...quickstart, keyName: settings.keys?.keyName }));
    });
  } finally {
    await keys.stop();
  }
}

/** The key service of the environment, or one that is started here. */
async function keyEnvironment(
  given: Environment,
  keyServer: string,
  context: CommandContext,
): Promise<{ readonly environment: Environment; stop(): Promise<void> }> {
  const { keys } = await readKeySettings(given, textReader(context.cwd));
  if (keys !== undefined) return { environment: {}, stop: async () => undefined };
  const { layout } = await placesOf(undefined, context.cwd);
  if (layout === undefined) {
    throw new CommandError("no key service is configured, and this folder's configuration has none to start");
  }
  await ensureFolder(layout, context);
  const started = await ensureKeyServer({ layout, ...parseAddress(keyServer) }, context);
  return {
    environment: {
      MINIO_KMS_KES_ENDPOINT: started.endpoint,
      MINIO_KMS_KES_KEY_NAME: KEY_NAME,
      MINIO_KMS_KES_CERT_FILE: layout.certFile.client,
      MINIO_KMS_KES_KEY_FILE: layout.keyFile.client,
      MINIO_KMS_KES_CAPATH: layout.certFile.server,
    },
    stop: () => started.stop(),
  };
}

/** The root's access key of the environment, or one of our own. */
async function loginEnvironment(
  given: Environment,
  file: string,
  { output }: CommandContext,
): Promise<{ readonly environment: Environment; readonly file: string | undefined }> {
  const names = ["MINIO_ROOT_USER", "MINIO_ACCESS_KEY", "MINIO_ROOT_USER_FILE", "MINIO_ACCESS_KEY_FILE"];
  if (names.some((name) => (given[name] ?? "") !== "")) return { environment: {}, file: undefined };
  const { user, password, isNew } = await rootCredentials(file, secureRandom);
  if (isNew) output.data(`\nRoot access key, kept in ${file}:\n\n  ${user}\n  ${password}\n`);
  return { environment: { MINIO_ROOT_USER: user, MINIO_ROOT_PASSWORD: password }, file };
}
