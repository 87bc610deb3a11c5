/**
 * Pages of a listing over keys in order (S3 API reference §5). Nothing here knows where keys come from; each page is
 * made from its marker alone, so pages may come from different servers.
 */

/** Whatever stands under a key. */
export interface ListedEntry {
  readonly key: string;
  /** Where one key has several entries: they follow each other in the order of these (uploads). */
  readonly id?: string;
}

/**
 * Entries from a position on, in the order of the UTF-8 bytes of their keys, then ids.
 * @param start - the first key that may come, as bytes; not always those of a text
 */
export type KeyScan<Entry extends ListedEntry> = (start: Buffer) => AsyncIterable<Entry> | Iterable<Entry>;

export interface PageRequest {
  /** Empty for all keys. */
  readonly prefix: string;
  /** Empty for none. */
  readonly delimiter: string;
  /** Entries are strictly after it; a common prefix equal to or below it is not listed again. Empty for the beginning. */
  readonly after: string;
  /** Set: entries of the key `after` follow whose id is after this one. */
  readonly afterId?: string;
  /** Contents and common prefixes together. */
  readonly maxKeys: number;
}

export interface Page<Entry> {
  readonly contents: readonly Entry[];
  readonly commonPrefixes: readonly string[];
  readonly isTruncated: boolean;
  /** The last key or common prefix of a page that is cut off: the `after` of the next one. */
  readonly next: string | undefined;
  /** The id of that entry, where it has one: the `afterId` of the next page. */
  readonly nextId: string | undefined;
}

/**
 * One page. A common prefix costs one seek, however many keys are below it; a page takes at most `maxKeys` + 1 seeks.
 * `maxKeys` 0 gives an empty page that is not cut off.
 */
export async function listPage<Entry extends ListedEntry>(
  scan: KeyScan<Entry>,
  request: PageRequest,
): Promise<Page<Entry>> {
  const { prefix, delimiter, maxKeys } = request;
  const contents: Entry[] = [];
  const commonPrefixes: string[] = [];
  let last: string | undefined;
  let lastId: string | undefined;
  const page = (isTruncated: boolean): Page<Entry> => ({
    contents,
    commonPrefixes,
    isTruncated,
    next: isTruncated ? last : undefined,
    nextId: isTruncated ? lastId : undefined,
  });
  if (maxKeys === 0) return page(false);
  for (let start: Buffer | undefined = startOf(request); start !== undefined; ) {
    let skipTo: Buffer | undefined;
    for await (const entry of scan(start)) {
      if (isListed(entry, request)) continue;
      if (!entry.key.startsWith(prefix)) return page(false);
      if (contents.length + commonPrefixes.length === maxKeys) return page(true);
      const common = commonPrefixOf(entry.key, prefix, delimiter);
      last = common ?? entry.key;
      lastId = common === undefined ? entry.id : undefined;
      if (common === undefined) contents.push(entry);
      else {
        commonPrefixes.push(common);
        skipTo = behind(common);
        break;
      }
    }
    start = skipTo;
  }
  return page(false);
}

/** `prefix` and what follows up to and including the first delimiter behind it; undefined when there is none. */
export function commonPrefixOf(key: string, prefix: string, delimiter: string): string | undefined {
  if (delimiter === "") return undefined;
  const found = key.indexOf(delimiter, prefix.length);
  return found < 0 ? undefined : key.slice(0, found + delimiter.length);
}

/** Whether an entry of the key `after` was on an earlier page. */
function isListed({ key, id = "" }: ListedEntry, { after, afterId }: PageRequest): boolean {
  return afterId !== undefined && key === after && compareKeys(id, afterId) <= 0;
}

function startOf({ prefix, delimiter, after, afterId }: PageRequest): Buffer {
  const first = Buffer.from(prefix, "utf8");
  const marker = Buffer.from(after, "utf8");
  if (after === "" || Buffer.compare(marker, first) < 0) return first;
  const common = after.startsWith(prefix) ? commonPrefixOf(after, prefix, delimiter) : undefined;
  if (common !== undefined) return behind(common);
  return afterId === undefined ? Buffer.concat([marker, Buffer.of(0)]) : marker;
}

/** The first position that no key with this prefix can have. UTF-8 has no byte 0xff, so adding one never carries. */
function behind(prefix: string): Buffer {
  const bytes = Buffer.from(prefix, "utf8");
  const end = bytes.length - 1;
  bytes[end] = (bytes[end] ?? 0) + 1;
  return bytes;
}

/** The order of all listings: bytes of UTF-8, not the units of UTF-16. */
export function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a, "utf8"), Buffer.from(b, "utf8"));
}

/** The first `max` of items in order, and whether there are more. */
export function firstOf<Item>(items: Iterable<Item>, max: number): { items: Item[]; isTruncated: boolean } {
  const taken: Item[] = [];
  for (const item of items) {
    if (taken.length === max) return { items: taken, isTruncated: max > 0 };
    taken.push(item);
  }
  return { items: taken, isTruncated: false };
}
