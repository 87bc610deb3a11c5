/**
 * Turns what went wrong below an adapter into the codes of the contract.
 *
 * An outage must never read as "no such key": the caller would create a second one. So whatever the adapter
 * does not name is an outage, and the text that tells an operator what to do travels in the `cause` chain.
 */
import { type ErrorCode, KesError } from "../errors.js";

/** What an operator does about an errno. */
const advice: Readonly<Record<string, string>> = {
  EACCES: "permission denied: the server's user needs read, write and search permission",
  EPERM:
    "operation not permitted: check owner, mode and attributes (immutable, append-only), and that the file " +
    "system has hard links",
  ENOTSUP: "the file system does not support the operation: one with hard links is needed",
  EOPNOTSUPP: "the file system does not support the operation: one with hard links is needed",
  EROFS:
    "the file system is mounted read-only: it may have been remounted after an error, see the kernel log",
  ENOSPC: "no space left: free space or inodes, or enlarge the file system",
  EDQUOT: "the disk quota is used up: free space or raise the quota",
  EIO: "the disk reported an input/output error: see the kernel log and check the device",
  EMFILE: "this process has too many open files: raise its limit (ulimit -n, LimitNOFILE=)",
  ENFILE: "this machine has too many open files: raise fs.file-max or find who holds them",
  ENOMEM: "the system is out of memory",
  ESTALE: "stale file handle: the network file system was exported anew, remount it",
  ENOTCONN: "the file system is not connected: remount it",
  ETIMEDOUT: "the file system did not answer in time: check the network and the file server",
  EHOSTDOWN: "the file server is down",
  EHOSTUNREACH: "no route to the host: check the network",
  ENETUNREACH: "the network is unreachable",
  ECONNREFUSED: "the connection was refused: nothing listens there",
  ENOTFOUND: "the host name is unknown: check the endpoint and DNS",
  EAI_AGAIN: "the host name could not be resolved for now: check DNS",
  ENODEV: "the device is gone: check that the volume is attached and mounted",
  ENOENT: "it does not exist (any more): check that the volume is mounted",
  ENOTDIR: "a part of the path is not a folder",
  ELOOP: "it is a symbolic link, or there are too many of them on the path",
  EISDIR: "it is a folder, not a file",
};

/** Not reached at all, as opposed to reached and refused. A missing folder or mount counts as not reached. */
const unreachable: ReadonlySet<string> = new Set([
  ...["ENOENT", "ENOTDIR", "ENODEV", "ESTALE", "ENOTCONN", "ETIMEDOUT", "EHOSTDOWN"],
  ...["EHOSTUNREACH", "ENETUNREACH", "ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN"],
]);

/** A system call that ends so has certainly changed nothing. EIO and time-outs are not among them. */
const refusals: ReadonlySet<string> = new Set([
  ...["EACCES", "EPERM", "EROFS", "ENOSPC", "EDQUOT", "EMFILE", "ENFILE", "ENOMEM", "ENAMETOOLONG", "EMLINK"],
  ...["EXDEV", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "ELOOP", "EINVAL", "ENOTDIR", "EISDIR", "EBUSY", "ENOENT"],
  ...["EEXIST", "ENOTEMPTY"],
]);

/** Errno name to the code it means at this place; an own property decides, nothing inherited. */
export type FaultMap = Readonly<Partial<Record<string, ErrorCode>>>;

/** The errno name (`ENOSPC`) or library code of an error, or undefined. */
export function errnoOf(cause: unknown): string | undefined {
  if (typeof cause !== "object" || cause === null || !("code" in cause)) return undefined;
  return typeof cause.code === "string" ? cause.code : undefined;
}

/**
 * `cause` as catalogue error: by `map`, else an outage. A {@link KesError} passes unchanged.
 *
 * For failures after which nothing has changed; a change whose outcome is open goes through {@link changeFault}.
 * @param subject - what failed, for the error log, for example `key folder /var/keys`
 */
export function fault(cause: unknown, map: FaultMap = {}, subject?: string): KesError {
  if (cause instanceof KesError) return cause;
  const errno = errnoOf(cause);
  const named = errno !== undefined && Object.hasOwn(map, errno) ? map[errno] : undefined;
  const code = named ?? (errno !== undefined && unreachable.has(errno) ? "KEYSTORE_UNREACHABLE" : undefined);
  return new KesError(code ?? "KEYSTORE_UNAVAILABLE", [], { cause: explain(cause, errno, subject) });
}

/**
 * As {@link fault}, for the one step that makes a change visible: what is neither in `map` nor a certain
 * refusal is `KEYSTORE_UNCERTAIN`, for example EIO, or a time-out of a network file system. A {@link KesError}
 * passes unchanged, for whoever threw it knew.
 */
export function changeFault(cause: unknown, map: FaultMap = {}, subject?: string): KesError {
  if (cause instanceof KesError) return cause;
  const errno = errnoOf(cause);
  const definite = errno !== undefined && (Object.hasOwn(map, errno) || refusals.has(errno));
  return definite ? fault(cause, map, subject) : uncertain(cause, subject);
}

/** The change may or may not have happened. A {@link KesError} of another code is kept as the cause. */
export function uncertain(cause: unknown, subject?: string): KesError {
  if (cause instanceof KesError && cause.code === "KEYSTORE_UNCERTAIN") return cause;
  return new KesError("KEYSTORE_UNCERTAIN", [], { cause: explain(cause, errnoOf(cause), subject) });
}

/** Reached, but what it holds or can do is of no use; `reason` says why and what to do, for the error log. */
export function unusable(reason: string, cause?: unknown): KesError {
  return new KesError("KEYSTORE_UNAVAILABLE", [], { cause: new Error(reason, { cause }) });
}

/** Not reached; `reason` says why and what to do, for the error log. */
export function unreached(reason: string, cause?: unknown): KesError {
  return new KesError("KEYSTORE_UNREACHABLE", [], { cause: new Error(reason, { cause }) });
}

function explain(cause: unknown, errno: string | undefined, subject: string | undefined): unknown {
  const text = errno !== undefined && Object.hasOwn(advice, errno) ? advice[errno] : undefined;
  if (text === undefined && subject === undefined) return cause;
  const what = text === undefined ? (errno ?? "failed") : `${text} (${errno})`;
  return new Error(subject === undefined ? what : `${subject}: ${what}`, { cause });
}
