/** Keys that are made to try a keystore out, and taken away again. */
import { KeyVersion } from "../../crypto/key-version.js";
import type { RandomSource } from "../../crypto/random.js";
import { UsageError } from "../../errors.js";
import { type KeyName, keyName } from "../../names.js";

/** Names that begin so are Keswick's own. */
const PREFIX = "_keswick_check_";

/**
 * A name that no key has ever had: most of it is drawn.
 * @param prefix - where only certain names are allowed
 * @throws UsageError for a prefix that no key name has
 */
export function probeName(random: RandomSource, prefix: string = PREFIX): KeyName {
  const name = keyName(prefix + random(16).toString("hex"));
  if (name === undefined)
    throw new UsageError(`no key name of 80 characters at most begins with '${prefix}' and more`);
  return name;
}

/** A stored key like any other, of which nobody knows. */
export function probeValue(random: RandomSource): Buffer {
  const key = KeyVersion.create({ algorithm: "AES256", createdBy: "", nowMs: 0, random });
  try {
    return key.encode();
  } finally {
    key.destroy();
  }
}
