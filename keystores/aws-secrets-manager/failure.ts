/** What a call that failed means, told from what AWS said; the words are for the error log and hold no secret. */
import { SecretsManagerServiceException } from "@aws-sdk/client-secrets-manager";
import { KesError } from "../../src/errors.js";
import { AwsNetworkError } from "./http.js";
import { missingPermission, remedyFor } from "./remedies.js";

/** The calls that are made, by their names in IAM. */
export type Action =
  | "CreateSecret"
  | "DeleteSecret"
  | "GetSecretValue"
  | "ListSecrets"
  | "ListSecretVersionIds";

export type FailureKind =
  /** Answers of a Secrets Manager that works: no such secret; no such version of it; name taken; waits for deletion. */
  | "absent"
  | "valueless"
  | "exists"
  | "deleted"
  /** Refused, and certainly not done. */
  | "throttled"
  | "credentials"
  | "denied"
  | "refused"
  /** Nothing was sent. */
  | "unsent"
  /** It may have been done: no answer, or one that says nothing. */
  | "lost"
  | "broken";

interface FailureFacts {
  readonly cause?: unknown;
  readonly retryAfterMs?: number;
  readonly isClockCorrected?: boolean;
  readonly permission?: string;
}

/** One attempt of a call that failed. */
export class AwsFailure extends Error {
  override readonly name = "AwsFailure";
  readonly kind: FailureKind;
  /** How long AWS asks to wait, in milliseconds. */
  readonly retryAfterMs: number;
  /** The clock of this machine was wrong; the next request will be signed with AWS's. */
  readonly isClockCorrected: boolean;

  /** Of a call that was denied: what IAM must allow, for example `secretsmanager:GetSecretValue`, or `kms`. */
  readonly permission: string | undefined;

  constructor(kind: FailureKind, message: string, more: FailureFacts = {}) {
    super(message, "cause" in more ? { cause: more.cause } : undefined);
    this.kind = kind;
    this.retryAfterMs = more.retryAfterMs ?? 0;
    this.isClockCorrected = more.isClockCorrected ?? false;
    this.permission = more.permission;
  }

  /** A repeat may do better. */
  get isPassing(): boolean {
    return ["throttled", "unsent", "lost", "broken"].includes(this.kind);
  }

  /** The change that was asked for may have been made. */
  get isDoubtful(): boolean {
    return this.kind === "lost" || this.kind === "broken";
  }
}

/** True for an {@link AwsFailure} of one of `kinds`. */
export function failedAs(error: unknown, ...kinds: FailureKind[]): error is AwsFailure {
  return error instanceof AwsFailure && kinds.includes(error.kind);
}

/** A failure after which nothing has changed, as error of the keystore contract. An outage, whatever it is. */
export function outage(error: unknown): unknown {
  if (!(error instanceof AwsFailure)) return error;
  const isUnreached = error.kind === "unsent" || error.kind === "lost";
  return new KesError(isUnreached ? "KEYSTORE_UNREACHABLE" : "KEYSTORE_UNAVAILABLE", [], { cause: error });
}

const MAX_RETRY_AFTER_MS = 5_000;
const ABSENT = "ResourceNotFoundException";
const THROTTLED = new Set([
  ...["ThrottlingException", "Throttling", "ThrottledException", "TooManyRequestsException"],
  ...["RequestLimitExceeded", "RequestThrottled", "RequestThrottledException", "SlowDown"],
]);
const CREDENTIALS = new Set([
  ...["ExpiredTokenException", "ExpiredToken", "UnrecognizedClientException", "InvalidClientTokenId"],
  ...["InvalidAccessKeyId", "InvalidSignatureException", "SignatureDoesNotMatch", "RequestTimeTooSkewed"],
  ...["RequestExpired", "RequestInTheFuture", "AuthFailure", "InvalidToken"],
]);
const DENIED = new Set(["AccessDeniedException", "AccessDenied", "NotAuthorized", "UnauthorizedOperation"]);

/** The failure of one attempt of `action`. */
export function failureOf(action: Action, error: unknown): AwsFailure {
  if (error instanceof AwsFailure) return error;
  if (error instanceof AwsNetworkError) {
    return new AwsFailure(error.sent ? "lost" : "unsent", `${error.message} (${action})`, {
      cause: error.cause,
    });
  }
  const { status, retryAfterMs, isClockCorrected } = factsOf(error);
  if (!(error instanceof SecretsManagerServiceException) || error.name === "Unknown") {
    // The error of a parser quotes what it could not read, which may be a key: its words are not passed on.
    const what = status === undefined ? nameOf(error) : `status ${status}`;
    return new AwsFailure(
      unreadableKind(status),
      `aws: ${action}: ${what}: the answer is not that of Secrets Manager: check 'endpoint' and proxies between`,
      { retryAfterMs },
    );
  }
  const kind = kindOf(error.name, error.message, status);
  const said = printable(action, error.message);
  const remedy = remedyFor(action, error.name, error.message);
  const message = [`aws: ${action}: ${error.name}`, said, remedy].filter((part) => part !== "").join(": ");
  return new AwsFailure(kind, message, {
    retryAfterMs,
    isClockCorrected,
    ...(kind === "denied" ? { permission: missingPermission(action, error.message) } : {}),
  });
}

function kindOf(name: string, message: string, status: number | undefined): FailureKind {
  // A secret without the version asked for is there all the same.
  if (name === ABSENT) return /secret value for/i.test(message) ? "valueless" : "absent";
  if (name === "ResourceExistsException") return "exists";
  if (name === "InvalidRequestException" && /(?:marked|scheduled) (?:for deletion|deleted)/i.test(message)) {
    return "deleted";
  }
  if (THROTTLED.has(name) || status === 429) return "throttled";
  if (CREDENTIALS.has(name)) return "credentials";
  if (DENIED.has(name)) return "denied";
  return status !== undefined && status < 500 ? "refused" : "broken";
}

/** Of an answer in nobody's words: a proxy's page, another API, half of something. */
function unreadableKind(status: number | undefined): FailureKind {
  if (status === 429) return "throttled";
  return status !== undefined && status >= 300 && status < 500 && status !== 408 ? "refused" : "broken";
}

/** What the SDK hangs on its errors. */
function factsOf(error: unknown): { status?: number; retryAfterMs: number; isClockCorrected: boolean } {
  const metadata = objectAt(error, "$metadata");
  const headers = objectAt(objectAt(error, "$response"), "headers");
  const status = memberOf(metadata, "httpStatusCode");
  const seconds = Number(memberOf(headers, "retry-after"));
  return {
    ...(typeof status === "number" ? { status } : {}),
    retryAfterMs: seconds > 0 ? Math.min(seconds * 1_000, MAX_RETRY_AFTER_MS) : 0,
    isClockCorrected: memberOf(metadata, "clockSkewCorrected") === true,
  };
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

function objectAt(value: unknown, name: string): object | undefined {
  const member = memberOf(value, name);
  return typeof member === "object" && member !== null ? member : undefined;
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}

const MAX_CHARACTERS = 300;

/**
 * What AWS said, without what it may repeat of a request: the canonical form of a wrongly signed one holds the session
 * token, and the refusal of a create quotes what was given.
 */
function printable(action: Action, text: string): string {
  const [start = ""] = text.split(/(?:the )?canonical|authorization=|credential=/i);
  const plain = start.replace(/[^\x20-\x7e]+/g, " ").trim();
  const quiet = action === "CreateSecret" ? plain.replace(/"[^"]*"|(?<!\w)'[^']*'/g, "'…'") : plain;
  return quiet.slice(0, MAX_CHARACTERS).replace(/[.:\s]+$/, "");
}
