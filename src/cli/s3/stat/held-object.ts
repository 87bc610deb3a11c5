/** An object to look at, or why it cannot be. */
import { causes } from "../../../audit/error-log.js";
import { isS3Error } from "../../../storage/s3/errors.js";
import type { HeldObject } from "../../../storage/store/object-store.js";
import type { StoreReader } from "../../../storage/store/store-reader.js";
import { CommandError } from "../../command.js";

/** @throws CommandError */
export async function heldObject(store: StoreReader, bucket: string, key: string): Promise<HeldObject> {
  if (store.bucket(bucket) === undefined) throw new CommandError(`there is no bucket '${bucket}'`);
  let held: HeldObject | undefined;
  try {
    held = await store.hold(bucket, key);
  } catch (cause) {
    if (!isS3Error(cause, "INTERNAL")) throw cause;
    throw new CommandError(`'${key}' in '${bucket}' cannot be read: ${causes(cause)}`, { cause });
  }
  if (held === undefined) throw new CommandError(`there is no object '${key}' in '${bucket}'`);
  return held;
}
