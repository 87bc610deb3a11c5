/** A parsed YAML file: plain maps, lists and scalars, each with its place; aliases and merge keys resolved. */
import type { Place } from "./faults.js";

/** A scalar: its text as written, and whether it stood there without quotes. */
export interface ScalarNode {
  readonly kind: "scalar";
  readonly text: string;
  /** Neither quoted, nor a block, nor tagged `!!str`: only then may `null` or `true` be more than text. */
  readonly plain: boolean;
  readonly place: Place;
}

export interface ListNode {
  readonly kind: "list";
  readonly items: readonly TreeNode[];
  readonly place: Place;
}

/** A key's own place and what stands under it. */
export interface Entry {
  readonly keyPlace: Place;
  readonly node: TreeNode;
}

export interface MapNode {
  readonly kind: "map";
  readonly entries: ReadonlyMap<string, Entry>;
  readonly place: Place;
}

export type TreeNode = ScalarNode | ListNode | MapNode;

const NULLS: ReadonlySet<string> = new Set(["", "~", "null", "Null", "NULL"]);

/** True for `null`, `~` and nothing at all: the same as absent. */
export function isNull(node: TreeNode): boolean {
  return node.kind === "scalar" && node.plain && NULLS.has(node.text);
}

/** The entry under `key`, unless it is null. */
export function entryOf(node: TreeNode | undefined, key: string): Entry | undefined {
  if (node?.kind !== "map") return undefined;
  const entry = node.entries.get(key);
  return entry === undefined || isNull(entry.node) ? undefined : entry;
}

/** `map` with `changes` made: an entry, or undefined to drop the key. */
export function withEntries(map: MapNode, changes: ReadonlyMap<string, Entry | undefined>): MapNode {
  const entries = new Map(map.entries);
  for (const [key, entry] of changes) {
    if (entry === undefined) entries.delete(key);
    else entries.set(key, entry);
  }
  return { ...map, entries };
}

/** What `node` is, for messages. */
export function describeNode(node: TreeNode): string {
  if (isNull(node)) return "nothing";
  return { scalar: "a single value", list: "a list", map: "a mapping" }[node.kind];
}
