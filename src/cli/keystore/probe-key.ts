/** Keys that are made to try a keystore out, and taken away again. */
import { KeyVersion } from "../../crypto/key-version.js";
import type { RandomSource } from "../../crypto/random.js";
import { type KeyName, keyName } from "../../names.js";

/** Names that begin so are Keswick's own; the rest is drawn, so that no key has ever had it. */
const PREFIX = "_keswick_check_";

export function probeName(random: RandomSource): KeyName {
  const name = keyName(PREFIX + random(16).toString("hex"));
  if (name === undefined) throw new TypeError("the name of a probe must be a valid key name");
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
