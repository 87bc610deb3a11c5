/** Going through the objects of a bucket, however long that takes. */
import type { ObjectRecord, ObjectStore } from "../store/object-store.js";

/** Read at once: a scan that stays open would keep the index from giving up what has been deleted. */
const PAGE = 256;

/**
 * Records in the order of their keys. What is stored or deleted meanwhile behind the position is met or not.
 * @param after - a key; those that follow it come
 */
export function* walkObjects(
  store: Pick<ObjectStore, "scan">,
  bucket: string,
  { prefix = "", after }: { readonly prefix?: string | undefined; readonly after?: string | undefined },
): Generator<ObjectRecord, void, undefined> {
  const first = Buffer.from(prefix);
  const behind = after === undefined ? first : follows(after);
  let start = Buffer.compare(behind, first) > 0 ? behind : first;
  for (;;) {
    const page: ObjectRecord[] = [];
    for (const record of store.scan(bucket, start)) {
      page.push(record);
      if (page.length === PAGE) break;
    }
    for (const record of page) {
      if (!record.key.startsWith(prefix)) return;
      yield record;
    }
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    start = follows(last.key);
  }
}

function follows(key: string): Buffer {
  return Buffer.concat([Buffer.from(key), Buffer.of(0)]);
}
