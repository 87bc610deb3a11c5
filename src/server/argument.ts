/** The check of what stands behind a route's last slash; made after authorization (KES reference §2.1). */
import type { Argument } from "../api/route.js";
import { type ErrorCode, KesError } from "../errors.js";
import { decodePattern } from "../keystore/listing.js";
import { isName } from "../names.js";

const FAULTS = {
  "key-name": "KEY_NAME_INVALID",
  "policy-name": "POLICY_NAME_INVALID",
  identity: "IDENTITY_INVALID",
  pattern: "PATTERN_INVALID",
} as const satisfies Record<Exclude<Argument, "none">, ErrorCode>;

/** @throws KesError the argument's own code, naming the argument */
export function checkArgument(kind: Argument, argument: string): void {
  if (kind === "none") return;
  const valid = kind === "pattern" ? decodePattern(argument) !== undefined : isName(argument);
  if (!valid) throw new KesError(FAULTS[kind], [argument.slice(0, MAX_SHOWN)]);
}

/** An over-long argument is not echoed in full. */
const MAX_SHOWN = 512;
