/** Which failures a route can answer with: its own, and those of the pipeline that follow from its row. */
import { type ErrorCode, errorCatalogue, KesError } from "../../errors.js";
import type { Argument, Route } from "../route.js";

const ARGUMENT_FAILURES: Readonly<Record<Exclude<Argument, "none">, ErrorCode>> = {
  "key-name": "KEY_NAME_INVALID",
  "policy-name": "POLICY_NAME_INVALID",
  identity: "IDENTITY_INVALID",
  pattern: "PATTERN_INVALID",
};

/** Every failure that `route` can answer with, in the order in which the checks are made. */
export function failuresOf(route: Route): ReadonlySet<ErrorCode> {
  const { access, argument, body, doc, timeoutMs } = route;
  const own = doc.errors ?? [];
  const codes = new Set<ErrorCode>(["METHOD_NOT_ALLOWED"]);
  // A proxy whose forwarded certificate is broken is refused everywhere; one that forwards none only where
  // somebody has to be identified.
  codes.add("PROXY_CERTIFICATE_AMBIGUOUS").add("PROXY_CERTIFICATE_INVALID").add("NOT_AUTHORIZED");
  if (access === "policy") {
    codes.add("PROXY_CERTIFICATE_MISSING").add("CERTIFICATE_REQUIRED").add("CERTIFICATE_AMBIGUOUS");
  }
  if (argument !== "none") codes.add(ARGUMENT_FAILURES[argument]);
  if (body !== undefined) {
    codes.add("BODY_TOO_LARGE");
    if (timeoutMs > 0) codes.add("BODY_TIMEOUT");
  }
  for (const code of own) codes.add(code);
  // Whoever waits for the keystore waits for a turn and until the deadline.
  if (own.some(isOfTheKeystore)) codes.add("KEYSTORE_BUSY").add("KEYSTORE_TIMEOUT");
  if (route.recordFirst === true || route.auditMessage !== undefined) codes.add("AUDIT_UNAVAILABLE");
  return codes.add("INTERNAL");
}

function isOfTheKeystore(code: ErrorCode): boolean {
  const [status] = errorCatalogue[code];
  return status === 502 || status === 504;
}

/** Values for the `%s` of messages that look the same whichever route answers. */
const SAMPLES: Partial<Readonly<Record<ErrorCode, readonly string[]>>> = {
  KEY_NAME_INVALID: ["my.key"],
  POLICY_NAME_INVALID: ["my.policy"],
  IDENTITY_INVALID: ["not-an-identity-"],
  PATTERN_INVALID: ["my-*-key"],
  ALGORITHM_UNSUPPORTED: ["DES"],
  KEY_SIZE_INVALID: ["AES256"],
};

/** What tells two messages of one code apart, where that is the route: empty, or for example `.PUT`. */
export function variantOf(code: ErrorCode, route: Route): string {
  const [value] = valuesOf(code, route) ?? [];
  return value === undefined ? "" : `.${value}`;
}

/** The message of `code` as `route` would write it. */
export function messageOf(code: ErrorCode, route: Route): string {
  const own = valuesOf(code, route);
  if (code === "METHOD_NOT_ALLOWED") return new KesError(code, ["PATCH", ...(own ?? [])]).message;
  return new KesError(code, own ?? SAMPLES[code]).message;
}

/** The values in a message that come from the route's row. */
function valuesOf(code: ErrorCode, route: Route): readonly (string | number)[] | undefined {
  if (code === "METHOD_NOT_ALLOWED") return [route.method];
  if (code === "BODY_TOO_LARGE") return [route.maxBodyBytes];
  return undefined;
}
