/**
 * The error catalogue: every failure a caller can see, with its HTTP status and its exact message.
 *
 * Status and message are wire contract: existing clients compare both (KES reference §2.6, §3, §12.5), and a
 * test pins every row. Our own code and tests compare `code` alone. `%s` marks a substituted value.
 */
const catalogue = {
  // Request: the caller must act.
  CERTIFICATE_REQUIRED: [400, "tls: client certificate is required"],
  CERTIFICATE_AMBIGUOUS: [400, "tls: received more than one client certificate"],
  PROXY_CERTIFICATE_MISSING: [400, "no client certificate is present"],
  PROXY_CERTIFICATE_AMBIGUOUS: [400, "too many client certificates are present"],
  PROXY_CERTIFICATE_INVALID: [400, "invalid client certificate"],
  NOT_AUTHORIZED: [403, "not authorized: insufficient permissions"],
  PATH_INVALID: [400, "invalid request path"],
  PATH_NOT_FOUND: [404, "404 page not found"],
  METHOD_NOT_ALLOWED: [405, "received method '%s' expected '%s'"],
  NOT_IMPLEMENTED: [501, "not implemented"],
  KEY_NAME_INVALID: [400, "key name '%s' is empty, too long or contains invalid characters"],
  POLICY_NAME_INVALID: [400, "policy name '%s' is empty, too long or contains invalid characters"],
  IDENTITY_INVALID: [400, "identity '%s' is empty, too long or contains invalid characters"],
  PATTERN_INVALID: [400, "listing pattern '%s' is empty, too long or is invalid"],
  BODY_INVALID: [400, "invalid request body"],
  IMPORT_BODY_INVALID: [400, "invalid import key request body"],
  BODY_TOO_LARGE: [413, "request body is too large: the limit is %s bytes"],
  BODY_TIMEOUT: [408, "request body was not received in time"],
  TOO_MANY_CIPHERTEXTS: [400, "too many ciphertexts"],
  KEY_EXISTS: [400, "key already exists"],
  KEY_NOT_FOUND: [404, "key does not exist"],
  KEY_CHANGED: [409, "key was changed by somebody else"],
  ALGORITHM_UNSUPPORTED: [406, "algorithm '%s' is not supported"],
  KEY_SIZE_INVALID: [406, "invalid key size for '%s'"],
  DECRYPT_FAILED: [400, "decryption failed: ciphertext is not authentic"],
  HMAC_UNSUPPORTED: [409, "key does not support HMAC"],
  POLICY_NOT_FOUND: [404, "policy does not exist"],
  IDENTITY_NOT_FOUND: [404, "identity does not exist"],

  // Keystore: whoever runs the keystore must act. The first three are what adapters throw; the key service
  // turns them into the answer of the route.
  /** The keystore was not reached; nothing was changed. */
  KEYSTORE_UNREACHABLE: [504, "key store is not reachable"],
  /** The keystore was reached and failed or refused; nothing was changed. */
  KEYSTORE_UNAVAILABLE: [502, "key store is unavailable"],
  /** The keystore may or may not have done what it was asked. */
  KEYSTORE_UNCERTAIN: [504, "key store did not confirm the change"],
  KEYSTORE_BUSY: [503, "too many requests are waiting for the key store"],
  KEYSTORE_TIMEOUT: [504, "key store did not answer in time"],
  KEY_CREATE_FAILED: [502, "failed to create key"],
  KEY_CREATE_UNCERTAIN: [
    504,
    "failed to create key: the key store did not confirm it, the key may or may not exist",
  ],
  KEY_READ_FAILED: [502, "failed to read key"],
  KEY_DELETE_FAILED: [502, "failed to delete key"],
  KEY_DELETE_UNCERTAIN: [
    504,
    "failed to delete key: the key store did not confirm it, the key may or may not exist",
  ],
  KEY_LIST_FAILED: [502, "failed to list keys"],

  // Server: whoever runs this server must act.
  INTERNAL: [500, "internal server error"],
  OVERLOADED: [503, "server is overloaded"],
  /** With `audit.required`: nothing was handed out, nothing was changed. */
  AUDIT_UNAVAILABLE: [503, "audit log is unavailable"],
  WORKERS_FAILING: [503, "worker processes of the server end again and again"],
  RELOAD_FAILED: [
    500,
    "failed to reload the configuration: the old one stays in force, the server's log says why",
  ],

  // Client: what the SDK says by itself; never sent by a server, hence status 0. The last value is the reason.
  CLIENT_OPTIONS_INVALID: [0, "client cannot be set up: %s"],
  CREDENTIALS_INVALID: [0, "client credentials cannot be used: %s"],
  CLIENT_CLOSED: [0, "client was closed"],
  /** Nothing was sent. */
  ENDPOINT_UNREACHABLE: [0, "cannot reach key server %s: %s"],
  /** The server's certificate; nothing was sent. */
  SERVER_UNTRUSTED: [0, "certificate of key server %s is not trusted: %s"],
  /** The client's certificate; nothing was done. */
  CERTIFICATE_REFUSED: [0, "key server %s refuses the client certificate: %s"],
  /** The request may have reached the server: whether it was carried out is unknown. */
  ANSWER_LOST: [0, "key server %s did not answer: %s; it may or may not have done what it was asked"],
  ANSWER_INVALID: [0, "answer of %s is not that of a key server: %s"],
  ANSWER_TOO_LARGE: [0, "answer of key server %s is larger than %s bytes"],
  CALL_TIMEOUT: [0, "no key server answered within %s ms: %s"],
  /** A refusal whose message is not in this catalogue; `status` is the server's. */
  ANSWER_UNEXPECTED: [0, "%s"],
} as const satisfies Record<string, readonly [status: number, message: string]>;

/** Stable name of a failure; what our own code and tests compare. */
export type ErrorCode = keyof typeof catalogue;

/** Every code with its status and message template, for the OpenAPI document and the tests. */
export const errorCatalogue: Readonly<Record<ErrorCode, readonly [status: number, message: string]>> =
  catalogue;

/** The one error the server, the SDK and the CLI share. `cause` is for the error log only, never for a caller. */
export class KesError extends Error {
  override readonly name = "KesError";
  readonly code: ErrorCode;
  readonly status: number;

  /**
   * @param values - replace the `%s` of the catalogue's message in order; they reach the caller
   * @param options - `cause`: what happened, for the error log; `status`: instead of the catalogue's, where a
   * client reports what a server answered
   */
  constructor(
    code: ErrorCode,
    values: readonly (string | number)[] = [],
    options?: { readonly cause?: unknown; readonly status?: number },
  ) {
    const [status, template] = catalogue[code];
    let next = 0;
    super(
      template.replace(/%s/g, () => String(values[next++] ?? "")),
      // `{ status }` alone must not make an own property `cause`.
      options !== undefined && "cause" in options ? { cause: options.cause } : undefined,
    );
    this.code = code;
    this.status = options?.status ?? status;
  }
}

/** True when `error` is a {@link KesError} of one of `codes`. */
export function isKesError(error: unknown, ...codes: ErrorCode[]): error is KesError {
  return error instanceof KesError && (codes.length === 0 || codes.includes(error.code));
}

/** One fault in a configuration or policy file: where it stands, what is wrong and what to do about it. */
export interface ConfigFault {
  readonly file: string;
  /** 1-based; absent when the fault belongs to the file as a whole. */
  readonly line?: number;
  readonly column?: number;
  /** Path of the key, for example `cache.expiry.any`. */
  readonly path?: string;
  readonly message: string;
  /** What kind of fault it is, for programs: `dead-pattern`. Absent where the message is all there is. */
  readonly rule?: string;
}

/** The configuration cannot be used. Holds every fault found, not the first alone. Exit code 1. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly faults: readonly ConfigFault[];

  constructor(faults: readonly ConfigFault[]) {
    super(faults.map(formatFault).join("\n"));
    this.faults = faults;
  }
}

/** `file:line:column: path: message`, the form that editors and terminals make clickable. */
export function formatFault(fault: ConfigFault): string {
  const place = [fault.file, fault.line, fault.column].filter((part) => part !== undefined).join(":");
  return fault.path ? `${place}: ${fault.path}: ${fault.message}` : `${place}: ${fault.message}`;
}

/** The command line was misused. Exit code 2 is for usage shown; KES answers flag errors with 1, so do we. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** `code` of a TLS error by its name up to Node.js 22: OpenSSL 3.5, which came with 24, calls alerts of SSL 3 otherwise. */
export function tlsCode(code: string): string {
  return code.replace("ERR_SSL_SSL/TLS_ALERT_", "ERR_SSL_SSLV3_ALERT_");
}
