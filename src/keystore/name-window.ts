/** Names kept of one reading of a keystore without order, for the pages that follow the one that was asked for. */
import type { KeyName } from "../names.js";
import type { KeystorePage, ListOptions } from "./contract.js";

/** The names with `prefix` after `after`, in byte order. */
export interface NameWindow {
  readonly prefix: string;
  readonly after: string | undefined;
  readonly names: readonly KeyName[];
  /** True when the keystore holds names after the last one. */
  readonly more: boolean;
}

/** The page out of `window`, or undefined when it does not hold all of it. */
export function pageOf(window: NameWindow, { prefix, after, limit }: ListOptions): KeystorePage | undefined {
  if (window.prefix !== prefix) return undefined;
  if (window.after !== undefined && (after === undefined || after < window.after)) return undefined;
  const start = after === undefined ? 0 : firstAfter(window.names, after);
  const end = start + limit;
  if (end > window.names.length && window.more) return undefined;
  return { names: window.names.slice(start, end), more: window.more || end < window.names.length };
}

/** Index of the first of the sorted `names` that comes after `name`. */
function firstAfter(names: readonly KeyName[], name: string): number {
  let low = 0;
  for (let high = names.length; low < high; ) {
    const middle = (low + high) >>> 1;
    const at = names[middle];
    if (at !== undefined && at <= name) low = middle + 1;
    else high = middle;
  }
  return low;
}
