/** What an S3 client is told when a request cannot be served. */

/** Name of a failure in our own code → S3's code, the HTTP status and the message, which reach the client. */
export type S3ErrorTable = Readonly<Record<string, readonly [code: string, status: number, message: string]>>;

/**
 * The one error of the storage module. Clients act on `code` and `status`; our own code and tests compare `reason`.
 * `cause` is for the error log only. No message holds a key, a context or anything else of a request.
 */
export class S3Error extends Error {
  override readonly name: string = "S3Error";
  /** Name of the row, for example `SSE_C_KEY_WRONG`. */
  readonly reason: string;
  /** S3's own, for example `AccessDenied`. */
  readonly code: string;
  readonly status: number;
  /** Further elements of the XML document, in the order given, for example `ActualObjectSize`. They reach the client. */
  readonly members: Readonly<Record<string, string>>;

  /** @param row - of an {@link S3ErrorTable} */
  constructor(
    reason: string,
    [code, status, message]: readonly [code: string, status: number, message: string],
    options?: { readonly cause?: unknown; readonly members?: Readonly<Record<string, string>> },
  ) {
    // `{ members }` alone must not make an own property `cause`.
    super(message, options !== undefined && "cause" in options ? { cause: options.cause } : undefined);
    this.members = options?.members ?? {};
    this.reason = reason;
    this.code = code;
    this.status = status;
  }
}
