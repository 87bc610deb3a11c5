/** What an operator does about a refusal of AWS, by its name. */

const CLOCK = "set the clock of this machine";
const KMS =
  "check that the KMS key exists and is enabled, and that its policy and the IAM policy allow kms:Decrypt and " +
  "kms:GenerateDataKey";
const QUOTAS = "AWS is asked too often: see the request quotas of Secrets Manager and KMS";

const REMEDIES: Readonly<Record<string, string>> = {
  ExpiredTokenException: "the temporary credentials have expired: renew them",
  ExpiredToken: "the temporary credentials have expired: renew them",
  UnrecognizedClientException: "AWS does not know the access key or session token: check the credentials",
  InvalidClientTokenId: "AWS does not know the access key or session token: check the credentials",
  InvalidAccessKeyId: "AWS does not know the access key: check the credentials",
  RequestTimeTooSkewed: CLOCK,
  RequestExpired: CLOCK,
  RequestInTheFuture: CLOCK,
  MissingAuthenticationTokenException: "something between here and AWS removes headers",
  MissingAuthenticationToken: "something between here and AWS removes headers",
  IncompleteSignatureException:
    "something between here and AWS changes headers, or the credentials are damaged",
  IncompleteSignature: "something between here and AWS changes headers, or the credentials are damaged",
  DecryptionFailure: KMS,
  EncryptionFailure: KMS,
  LimitExceededException: "a quota of the account is used up: raise it under Service Quotas",
  ThrottlingException: QUOTAS,
  Throttling: QUOTAS,
  TooManyRequestsException: QUOTAS,
  RequestLimitExceeded: QUOTAS,
};

/** The empty text when AWS's own words must do. */
export function remedyFor(action: string, name: string, message: string): string {
  if (name === "AccessDeniedException" || name === "AccessDenied") {
    const missing = missingPermission(action, message);
    return missing === "kms" ? KMS : `the IAM policy must allow ${missing}`;
  }
  if (name === "InvalidSignatureException" || name === "SignatureDoesNotMatch") {
    if (/expired|not yet current|skew/i.test(message)) return CLOCK;
    if (/scoped to a valid region/i.test(message)) return "check 'region'";
    return "the secret key does not belong to the access key, or something between changes requests";
  }
  if (/kms/i.test(message) && name === "InvalidRequestException") return KMS;
  return Object.hasOwn(REMEDIES, name) ? (REMEDIES[name] ?? "") : "";
}

/** What IAM must allow when `action` was denied: an action of Secrets Manager, or `kms` for the use of the KMS key. */
export function missingPermission(action: string, message: string): string {
  if (/kms/i.test(message)) return "kms";
  const isTag = action === "CreateSecret" && /TagResource/.test(message);
  return `secretsmanager:${isTag ? "TagResource" : action}`;
}
