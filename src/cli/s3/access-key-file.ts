/**
 * The file of further access keys, YAML or JSON:
 *
 * ```yaml
 * keys:
 * - access-key: backup
 *   secret-key: ...
 *   access: read-write        # or read-only
 *   buckets: [archive, "logs/2026/"]   # a bucket, or a bucket and a prefix; absent: everything
 * ```
 */

import { Faults, type Place } from "../../config/faults.js";
import { describeNode, entryOf, type MapNode, type TreeNode } from "../../config/tree.js";
import { parseYaml } from "../../config/yaml.js";
import { isBucketName } from "../../storage/s3/names.js";
import type { Scope } from "../../storage/s3/rights.js";
import { type AccessKeyEntry, accessKeyFault, secretFault } from "../../storage/server/access-keys.js";
import { nearest } from "../suggest.js";

const MAX_KEYS = 10_000;
const MEMBERS = ["access-key", "secret-key", "access", "buckets"];

/**
 * @param text - content of the file
 * @param file - its name, for messages
 * @param root - the root's access key, which the file must not give to anybody else
 * @throws ConfigError with place and reason of every fault; no secret is quoted
 */
export function parseAccessKeys(text: string, file: string, root: string): readonly AccessKeyEntry[] {
  const faults = new Faults();
  const tree = parseYaml(text, file, faults);
  const entries = tree === undefined ? [] : readEntries(tree, faults, root);
  faults.throwIfAny();
  return entries;
}

function readEntries(tree: TreeNode, faults: Faults, root: string): readonly AccessKeyEntry[] {
  if (tree.kind !== "map") {
    faults.error(tree.place, "", `expected a mapping with 'keys', found ${describeNode(tree)}`);
    return [];
  }
  refuseOthers(tree, ["keys"], "", faults);
  const list = entryOf(tree, "keys")?.node;
  if (list === undefined) return [];
  if (list.kind !== "list") {
    faults.error(list.place, "keys", `expected a list, found ${describeNode(list)}`);
    return [];
  }
  if (list.items.length > MAX_KEYS) faults.error(list.place, "keys", `has more than ${MAX_KEYS} entries`);
  const seen = new Set([root]);
  return list.items.slice(0, MAX_KEYS).flatMap((item, i) => readEntry(item, `keys[${i}]`, seen, faults));
}

function readEntry(item: TreeNode, path: string, seen: Set<string>, faults: Faults): AccessKeyEntry[] {
  if (item.kind !== "map") {
    faults.error(item.place, path, `expected a mapping, found ${describeNode(item)}`);
    return [];
  }
  refuseOthers(item, MEMBERS, path, faults);
  const name = textOf(item, "access-key", path, faults);
  const secret = textOf(item, "secret-key", path, faults);
  const rights = { canWrite: readAccess(item, path, faults), ...readScopes(item, path, faults) };
  if (name === undefined || secret === undefined) return [];
  const nameFault = seen.has(name.text) ? `'${name.text}' is there already` : accessKeyFault(name.text);
  if (nameFault !== undefined) faults.error(name.place, `${path}.access-key`, nameFault);
  const fault = secretFault(secret.text);
  if (fault !== undefined) faults.error(secret.place, `${path}.secret-key`, fault);
  seen.add(name.text);
  return [{ accessKey: name.text, secret: secret.text, rights }];
}

function refuseOthers(map: MapNode, known: readonly string[], path: string, faults: Faults): void {
  for (const [key, { keyPlace }] of map.entries) {
    if (known.includes(key)) continue;
    const [meant] = nearest(key, known);
    const hint = meant === undefined ? "" : `; did you mean '${meant}'?`;
    faults.error(keyPlace, path, `unknown key '${key}'${hint}`);
  }
}

interface Text {
  readonly text: string;
  readonly place: Place;
}

function textOf(map: MapNode, key: string, path: string, faults: Faults): Text | undefined {
  const node = entryOf(map, key)?.node;
  if (node?.kind === "scalar") return node;
  const found = node === undefined ? "is missing" : `expected a text, found ${describeNode(node)}`;
  faults.error(node?.place ?? map.place, `${path}.${key}`, found);
  return undefined;
}

/** Without, the key may write: that is what most are for, and what MinIO gives. */
function readAccess(map: MapNode, path: string, faults: Faults): boolean {
  const node = entryOf(map, "access")?.node;
  if (node === undefined) return true;
  const word = node.kind === "scalar" ? node.text : "";
  if (word !== "read-write" && word !== "read-only") {
    faults.error(node.place, `${path}.access`, "is 'read-write' or 'read-only'");
  }
  return word === "read-write";
}

function readScopes(map: MapNode, path: string, faults: Faults): { readonly scopes?: readonly Scope[] } {
  const node = entryOf(map, "buckets")?.node;
  if (node === undefined) return {};
  if (node.kind !== "list") {
    faults.error(node.place, `${path}.buckets`, `expected a list, found ${describeNode(node)}`);
    return { scopes: [] };
  }
  return {
    scopes: node.items.flatMap((item, i) => {
      const text = item.kind === "scalar" ? item.text : "";
      const [bucket = "", ...rest] = text.split("/");
      if (isBucketName(bucket)) return [{ bucket, prefix: rest.join("/") }];
      faults.error(item.place, `${path}.buckets[${i}]`, "is a bucket, or BUCKET/PREFIX");
      return [];
    }),
  };
}
