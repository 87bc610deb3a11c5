/** Create and delete, and what is known of them when an answer was lost. */
import { KesError } from "../../src/errors.js";
import { uncertain, unusable } from "../../src/keystore/faults.js";
import type { KeyName } from "../../src/names.js";
import { MAX_ATTEMPTS } from "./calls.js";
import { AwsFailure, failedAs, outage } from "./failure.js";
import type { Secrets } from "./secrets.js";
import type { StoredValue } from "./value.js";

/**
 * Stores a value under a name that is free. Each attempt asks for a version of the same id, so AWS takes a repeat for
 * what it is.
 * @param isClosed - no further attempt is made then
 * @throws KesError of the contract
 */
export async function createSecret(
  secrets: Secrets,
  secret: { readonly name: KeyName; readonly stored: StoredValue; readonly versionId: string },
  isClosed: () => boolean,
): Promise<void> {
  const { name, stored, versionId } = secret;
  // Whether an attempt so far may have stored the value.
  let isOpen = false;
  for (let attempt = 1; ; attempt++) {
    let failure: AwsFailure;
    try {
      return await secrets.create(name, stored, versionId);
    } catch (error) {
      if (!(error instanceof AwsFailure)) throw error;
      failure = error;
    }
    isOpen ||= failure.isDoubtful;
    if (failure.isPassing && attempt < MAX_ATTEMPTS && !isClosed()) {
      await secrets.calls.pause(failure, attempt);
      continue;
    }
    if (!isOpen && failure.kind !== "exists") {
      throw failure.kind === "deleted" ? waiting(secrets, name) : outage(failure);
    }
    return settle(secrets, secret, failure, isOpen);
  }
}

/** After a create that met a secret, or whose answers were lost: whose is it? */
async function settle(
  secrets: Secrets,
  { name, versionId }: { readonly name: KeyName; readonly versionId: string },
  failure: AwsFailure,
  isOpen: boolean,
): Promise<void> {
  try {
    const found = await secrets.value(name, {}, {});
    if (isOpen && found.versionId === versionId) return;
  } catch (error) {
    // Emulators say of a name that waits for deletion that it exists, where AWS refuses it for what it is.
    if (failedAs(error, "deleted") && !isOpen) throw waiting(secrets, name);
    if (failure.kind === "exists" && !isOpen) throw new KesError("KEY_EXISTS");
    throw uncertain(
      new Error("aws: the answer to the create was lost, and the secret cannot be read", { cause: failure }),
    );
  }
  throw new KesError("KEY_EXISTS");
}

/** The name of a key that was deleted is taken until its window ends, so that the key can be brought back. */
function waiting({ recoveryWindowDays }: Secrets, name: KeyName): KesError {
  const way = recoveryWindowDays === 0 ? "" : ` up to ${recoveryWindowDays} days`;
  return unusable(
    `aws: the key '${name}' was deleted and its name is taken${way} until AWS removes it: bring it back with ` +
      `'aws secretsmanager restore-secret --secret-id ${name}', or wait`,
  );
}

/** @throws KesError of the contract */
export async function deleteSecret(secrets: Secrets, name: KeyName, isClosed: () => boolean): Promise<void> {
  let isOpen = false;
  for (let attempt = 1; ; attempt++) {
    let failure: AwsFailure;
    try {
      return await secrets.delete(name);
    } catch (error) {
      if (!(error instanceof AwsFailure)) throw error;
      failure = error;
    }
    if (failure.kind === "absent" || failure.kind === "deleted") {
      // By an attempt of ours whose answer was lost, or never there.
      if (isOpen) return;
      throw new KesError("KEY_NOT_FOUND");
    }
    isOpen ||= failure.isDoubtful;
    if (failure.isPassing && attempt < MAX_ATTEMPTS && !isClosed()) {
      await secrets.calls.pause(failure, attempt);
      continue;
    }
    throw isOpen ? uncertain(failure) : outage(failure);
  }
}
