/** Many data keys in one call: pages of what a server takes at once. */
import { KesError } from "../errors.js";
import { base64 } from "./base64.js";
import { type Caller, MAX_BODY_BYTES, pathTo } from "./caller.js";
import { contextBytes } from "./context.js";
import type { Members } from "./members.js";
import { dekOf, listOf, plaintextOf } from "./replies.js";
import type { CallOptions, Context, Dek, SealedDek } from "./types.js";

/** Most items of one request (KES reference §4). */
const MAX_ITEMS = 1000;

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
  const items = contexts.map((context) => ({ ...contextMember(context) }));
  const path = pathTo("/v1/key/bulk/generate/", name, "KEY_NAME_INVALID");
  return inPages(caller, path, items, dekOf, options);
}

/** The plaintexts in the order of the items. @throws KesError; the first item that fails ends it */
export async function bulkDecrypt(
  caller: Caller,
  name: string,
  sealed: readonly SealedDek[],
  options: CallOptions,
): Promise<Buffer[]> {
  const items = sealed.map(({ ciphertext, context }) => ({
    ciphertext: base64(ciphertext),
    ...contextMember(context),
  }));
  const path = pathTo("/v1/key/bulk/decrypt/", name, "KEY_NAME_INVALID");
  return inPages(caller, path, items, plaintextOf, options);
}

/** The member of a body that carries a context; none for the empty one. */
export function contextMember(context: Context | undefined): { context?: string } {
  const bytes = context === undefined ? undefined : contextBytes(context);
  return bytes === undefined || bytes.length === 0 ? {} : { context: base64(bytes) };
}

async function inPages<T>(
  caller: Caller,
  path: string,
  items: readonly object[],
  read: (members: Members) => T,
  options: CallOptions,
): Promise<T[]> {
  const deadline = caller.deadline(options);
  const results: T[] = [];
  for (const page of pagesOf(items)) {
    const part = { ...options, timeoutMs: deadline.part() };
    const reply = await caller.send({ method: "POST", path, body: page }, part);
    for (const members of listOf(reply, page.length)) results.push(read(members));
  }
  return results;
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
