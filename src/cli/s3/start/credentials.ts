/** The root's access key of a server that was started without one: made once, kept in a file that nobody else can read. */
import { mkdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { RandomSource } from "../../../crypto/random.js";
import { parseEnvironmentFile } from "../../../storage/keys/environment-file.js";
import { CommandError } from "../../command.js";
import { exists } from "../../init/layout.js";
import { publish } from "../../init/publish.js";

export interface RootCredentials {
  readonly user: string;
  readonly password: string;
  readonly isNew: boolean;
}

const USER = "keswick";
/** 160 bits. */
const PASSWORD_BYTES = 20;
const FILE_MODE = 0o600;

/** Reads `file`, lines of `NAME=value` fit for a shell, or makes it. @throws CommandError, ConfigError */
export async function rootCredentials(file: string, random: RandomSource): Promise<RootCredentials> {
  if (await exists(file)) {
    const { MINIO_ROOT_USER: user, MINIO_ROOT_PASSWORD: password } = parseEnvironmentFile(
      await readFile(file, "utf8"),
      file,
    );
    if (!user || !password)
      throw new CommandError(`'${file}' holds no MINIO_ROOT_USER and MINIO_ROOT_PASSWORD`);
    return { user, password, isNew: false };
  }
  const password = random(PASSWORD_BYTES).toString("hex");
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await publish(file, `MINIO_ROOT_USER=${USER}\nMINIO_ROOT_PASSWORD=${password}\n`, FILE_MODE);
  return { user: USER, password, isNew: true };
}
