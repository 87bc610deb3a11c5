/** What an access key may do. */

/** A part of the store: every object of `bucket` whose key begins with `prefix`. */
export interface Scope {
  readonly bucket: string;
  /** Empty for the whole bucket. */
  readonly prefix: string;
}

export interface Rights {
  /** False: nothing may be changed. */
  readonly canWrite: boolean;
  /** Absent: everything. An empty list: nothing. */
  readonly scopes?: readonly Scope[];
}

type Access = "read" | "write";

/** Whether an object may be read or changed. */
export function allowsObject(rights: Rights, access: Access, bucket: string, key: string): boolean {
  return maySo(rights, access) && covers(rights, bucket, key);
}

/** Whether all keys with this prefix may be listed: a prefix that is too short would show the keys of others. */
export function allowsListing(rights: Rights, bucket: string, prefix: string): boolean {
  return covers(rights, bucket, prefix);
}

/**
 * Whether the bucket itself may be read of (its location, its encryption) or changed. To read of it, any part of it is
 * enough, since clients ask for the location before everything else; to change it, all of it is needed.
 */
export function allowsBucket(rights: Rights, access: Access, bucket: string): boolean {
  if (!maySo(rights, access)) return false;
  if (rights.scopes === undefined) return true;
  return rights.scopes.some((scope) => scope.bucket === bucket && (access === "read" || scope.prefix === ""));
}

function maySo(rights: Rights, access: Access): boolean {
  return access === "read" || rights.canWrite;
}

function covers({ scopes }: Rights, bucket: string, key: string): boolean {
  if (scopes === undefined) return true;
  return scopes.some((scope) => scope.bucket === bucket && key.startsWith(scope.prefix));
}
