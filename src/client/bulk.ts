/** Many data keys in one call: pages of what a server takes at once, or one by one where it knows no pages. */
import { isKesError, KesError } from "../errors.js";
import { errorOf } from "./answer-errors.js";
import { base64 } from "./base64.js";
import { type Caller, MAX_BODY_BYTES, pathTo } from "./caller.js";
import { contextBytes } from "./context.js";
import { Members } from "./members.js";
import { dekOf, listOf, plaintextOf } from "./replies.js";
import type { CallOptions, Context, Dek, SealedDek } from "./types.js";

/** Most items of one request (KES reference §4). */
const MAX_ITEMS = 1000;
/** Requests at a time to a server that takes one item each. */
const MAX_SINGLES = 16;

/** A call that takes many items or one. */
interface Bulk<T> {
  readonly manyPath: string;
  /** The path for a single item, which is the body. */
  readonly onePath: string;
  readonly items: readonly object[];
  readonly read: (members: Members) => T;
  /** The result of an item that failed by its own fault; absent where that ends the call. */
  readonly failed?: (error: KesError) => T;
}

/** What may become of an item alone: all else concerns the whole call. */
function isOwnFault(error: unknown): error is KesError {
  return isKesError(error, "DECRYPT_FAILED", "BODY_INVALID");
}

/**
 * One fresh DEK for each context, in their order.
 * @throws KesError; what was generated before a failure is dropped
 */
export async function bulkGenerate(
  caller: Caller,
  name: string,
  contexts: readonly (Context | undefined)[],
  options: CallOptions,
): Promise<Dek[]> {
  const items = contexts.map(contextMember);
  return run(caller, { ...pathsOf("generate", name), items, read: dekOf }, options);
}

/** The plaintexts in the order of the items. @throws KesError; the first item that fails ends it */
export async function bulkDecrypt(
  caller: Caller,
  name: string,
  sealed: readonly SealedDek[],
  options: CallOptions,
): Promise<Buffer[]> {
  return run(caller, { ...decryptOf(name, sealed), read: plaintextOf }, options);
}

/** The same, with the error of an item that fails in its place. @throws KesError of the whole call */
export async function bulkDecryptPartly(
  caller: Caller,
  name: string,
  sealed: readonly SealedDek[],
  options: CallOptions,
): Promise<(Buffer | KesError)[]> {
  const read = (members: Members): Buffer | KesError => {
    if (members.value("error") === undefined) return plaintextOf(members);
    const error = members.object("error");
    return errorOf(error.count("status"), error.anyText("message"), members.endpoint);
  };
  return run(caller, { ...decryptOf(name, sealed), read, failed: (error) => error }, options);
}

function decryptOf(name: string, sealed: readonly SealedDek[]) {
  const items = sealed.map(({ ciphertext, context }) => ({
    ciphertext: base64(ciphertext),
    ...contextMember(context),
  }));
  return { ...pathsOf("decrypt", name), items };
}

/** The member of a body that carries a context; none for the empty one. */
export function contextMember(context: Context | undefined): { context?: string } {
  const bytes = context === undefined ? undefined : contextBytes(context);
  return bytes === undefined || bytes.length === 0 ? {} : { context: base64(bytes) };
}

function pathsOf(what: string, name: string): { manyPath: string; onePath: string } {
  return {
    manyPath: pathTo(`/v1/key/bulk/${what}/`, name, "KEY_NAME_INVALID"),
    onePath: pathTo(`/v1/key/${what}/`, name, "KEY_NAME_INVALID"),
  };
}

async function run<T>(caller: Caller, bulk: Bulk<T>, options: CallOptions): Promise<T[]> {
  const deadline = caller.deadline(options);
  const part = (): CallOptions => ({ ...options, timeoutMs: deadline.part() });
  const path = bulk.failed !== undefined ? `${bulk.manyPath}?partial=true` : bulk.manyPath;
  const results: T[] = [];
  for (const page of pagesOf(bulk.items)) {
    try {
      const reply = await caller.send({ method: "POST", path, body: page }, part());
      for (const members of listOf(reply, page.length)) results.push(bulk.read(members));
    } catch (error) {
      // Original servers of today have no bulk calls.
      if (isKesError(error, "PATH_NOT_FOUND", "NOT_IMPLEMENTED") && results.length === 0)
        return oneByOne(caller, bulk, bulk.items, part);
      // A server that knows bulk calls but no partial answers: which item it was shows only one by one.
      if (bulk.failed === undefined || !isOwnFault(error)) throw error;
      results.push(...(await oneByOne(caller, bulk, page, part)));
    }
  }
  return results;
}

/** Up to 16 at a time. The first failure ends it, and no further item is asked for. */
async function oneByOne<T>(
  caller: Caller,
  { onePath, read, failed }: Bulk<T>,
  items: readonly object[],
  part: () => CallOptions,
): Promise<T[]> {
  const results = new Map<number, T>();
  const rest = items.entries();
  let hasFailed = false;
  const work = async (): Promise<void> => {
    for (const [i, body] of rest) {
      if (hasFailed) return;
      try {
        const reply = await caller.send({ method: "POST", path: onePath, body }, part());
        results.set(i, read(Members.of(reply)));
      } catch (error) {
        if (failed === undefined || !isOwnFault(error)) {
          hasFailed = true;
          throw error;
        }
        results.set(i, failed(error));
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(MAX_SINGLES, items.length) }, work));
  return [...results].sort(([a], [b]) => a - b).map(([, result]) => result);
}

/** At most 1000 items and at most as many bytes as a server takes. */
function pagesOf(items: readonly object[]): object[][] {
  const pages: object[][] = [];
  let page: object[] = [];
  let bytes = 2;
  for (const item of items) {
    // All members are base64, so characters are bytes; one more for the comma.
    const size = JSON.stringify(item).length + 1;
    if (size + 2 > MAX_BODY_BYTES) throw new KesError("BODY_TOO_LARGE", [MAX_BODY_BYTES]);
    if (page.length === MAX_ITEMS || bytes + size > MAX_BODY_BYTES) {
      pages.push(page);
      page = [];
      bytes = 2;
    }
    page.push(item);
    bytes += size;
  }
  if (page.length > 0) pages.push(page);
  return pages;
}
