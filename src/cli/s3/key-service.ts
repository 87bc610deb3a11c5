/** The key service of an S3 server: opened, and proved before anything is served. */
import { systemClock } from "../../client/clock.js";
import { secureRandom } from "../../crypto/random.js";
import { isKesError } from "../../errors.js";
import { prepareDefaultKey } from "../../storage/keys/key-check.js";
import type { KeyService } from "../../storage/keys/key-service.js";
import { openKeyService } from "../../storage/keys/open.js";
import { S3Error } from "../../storage/s3-error.js";
import { CommandError } from "../command.js";
import type { Output } from "../output.js";
import type { StorageEnvironment } from "./environment.js";

const PROVE_TIMEOUT_MS = 30_000;

/**
 * The key service that the environment names, undefined for none. The default key is tried, and made where it is missing.
 * @throws CommandError when keys cannot be had: as MinIO, a server does not start without
 */
export async function openKeys(
  { environment, keys }: Pick<StorageEnvironment, "environment" | "keys">,
  output: Output,
): Promise<KeyService | undefined> {
  for (const note of keys.notes) output.note(note);
  if (keys.keys === undefined) return undefined;
  let service: KeyService;
  try {
    service = await openKeyService(keys.keys, { environment, random: secureRandom, clock: systemClock });
  } catch (cause) {
    if (!isKesError(cause)) throw cause;
    throw new CommandError(`the key service cannot be used: ${cause.message}`, { cause });
  }
  try {
    const signal = AbortSignal.timeout(PROVE_TIMEOUT_MS);
    const state = await prepareDefaultKey(service, { signal });
    if (state === "created") output.note(`the default key '${service.defaultKey}' was created`);
    if (state === "denied") {
      output.note(`the key service does not allow the use of the default key '${service.defaultKey}'`);
    }
    return service;
  } catch (cause) {
    await service.close();
    throw new CommandError(`the default key '${service.defaultKey}' cannot be used: ${reasonOf(cause)}`, {
      cause,
      hints: ["is the key server running, and may this client use the key? 'kes doctor' finds out"],
    });
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return error instanceof S3Error && cause instanceof Error
    ? `${error.message} ${cause.message}`
    : error.message;
}
