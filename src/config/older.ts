/**
 * Older KES keys (KES configuration reference §14): moved to where they stand today, or left out, each with a
 * warning that says what to write instead. Files in the field carry them; KES ignores most of them silently.
 */
import type { Faults } from "./faults.js";
import { type Entry, entryOf, isNull, type MapNode, type TreeNode, withEntries } from "./tree.js";

type Path = readonly string[];

/** Old place → today's place. Where both are set, today's wins, as in KES. */
const MOVED: readonly (readonly [from: Path, to: Path])[] = [
  [["root"], ["admin", "identity"]],
  [
    ["cache", "expiry", "all"],
    ["cache", "expiry", "any"],
  ],
  [["fs"], ["keystore", "fs"]],
  [["vault"], ["keystore", "vault"]],
  [
    ["keystore", "vault", "address"],
    ["keystore", "vault", "endpoint"],
  ],
  [
    ["keystore", "vault", "name"],
    ["keystore", "vault", "prefix"],
  ],
  [
    ["keystore", "aws", "secrets_manager"],
    ["keystore", "aws", "secretsmanager"],
  ],
  ...(
    [
      [["address"], ["endpoint"]],
      [["kms_key_id"], ["kmskey"]],
      [
        ["credentials", "access_key"],
        ["credentials", "accesskey"],
      ],
      [
        ["credentials", "secret_key"],
        ["credentials", "secretkey"],
      ],
      [
        ["credentials", "session_token"],
        ["credentials", "token"],
      ],
    ] as const
  ).map(([from, to]): readonly [Path, Path] => {
    const base = ["keystore", "aws", "secretsmanager"];
    return [
      [...base, ...from],
      [...base, ...to],
    ];
  }),
];

/** Keys that no longer have a meaning, and why. */
const DROPPED: readonly (readonly [path: Path, reason: string])[] = [
  [["kms"], "keys rest in the keystore; encrypt them there"],
  [["keystore", "vault", "approle", "retry"], "the time between log-ins is fixed"],
  [["keystore", "vault", "kubernetes", "retry"], "the time between log-ins is fixed"],
  [["keystore", "gemalto", "keysecure", "credentials", "retry"], "the time between log-ins is fixed"],
];

/** `root` in today's form; warnings and errors go to `faults`. */
export function modernize(root: MapNode, faults: Faults): MapNode {
  let map = moveKeysMapping(root, faults);
  for (const [from, to] of MOVED) map = move(map, from, to, faults);
  for (const [path, reason] of DROPPED) {
    const entry = entryAt(map, path);
    if (entry === undefined) continue;
    faults.warn(entry.keyPlace, path.join("."), `an older KES key without meaning: ${reason}; remove it`);
    map = setAt(map, path, undefined);
  }
  return movePolicyPaths(map, faults);
}

/** `keys:` held the keystore from v0.8 to v0.13.5; since then it lists keys to create. */
function moveKeysMapping(root: MapNode, faults: Faults): MapNode {
  const keys = entryOf(root, "keys");
  if (keys?.node.kind !== "map") return root;
  if (entryOf(root, "keystore") !== undefined) {
    faults.error(
      keys.keyPlace,
      "keys",
      "'keys' lists keys to create; the keystore stands under 'keystore' already",
    );
    return setAt(root, ["keys"], undefined);
  }
  return move(root, ["keys"], ["keystore"], faults);
}

function move(root: MapNode, from: Path, to: Path, faults: Faults): MapNode {
  const old = entryAt(root, from);
  if (old === undefined) return root;
  const [name, modern] = [from.join("."), to.join(".")];
  const without = setAt(root, from, undefined);
  // The whole section counts for a keystore: a second one beside it would be ambiguous.
  const taken = entryAt(root, to[0] === "keystore" && from[0] !== "keystore" ? ["keystore"] : to);
  if (taken !== undefined) {
    faults.warn(old.keyPlace, name, `an older KES key, ignored because '${modern}' is set; remove it`);
    return without;
  }
  faults.warn(old.keyPlace, name, `an older KES key; write '${modern}' instead`);
  return setAt(without, to, old);
}

/** `paths` was the only list until v0.14, when patterns were globs. */
function movePolicyPaths(root: MapNode, faults: Faults): MapNode {
  const policies = entryOf(root, "policy")?.node;
  if (policies?.kind !== "map") return root;
  let map = root;
  for (const [name, policy] of policies.entries) {
    const paths = entryOf(policy.node, "paths");
    if (paths === undefined) continue;
    const at = ["policy", name];
    const path = at.concat("paths").join(".");
    map = setAt(map, at.concat("paths"), undefined);
    if (entryOf(policy.node, "allow") !== undefined || entryOf(policy.node, "file") !== undefined) {
      faults.warn(paths.keyPlace, path, "an older KES key, ignored because the policy has rules; remove it");
      continue;
    }
    const meant = "write 'allow' instead, and 'compat: globs' if a '*' stands within a pattern";
    faults.warn(paths.keyPlace, path, `an older KES key; ${meant}`);
    map = setAt(map, at.concat("allow"), paths);
    if (entryOf(policy.node, "compat") === undefined) {
      const { keyPlace } = paths;
      const node: TreeNode = { kind: "scalar", text: "globs", plain: true, place: keyPlace };
      map = setAt(map, at.concat("compat"), { keyPlace, node });
    }
  }
  return map;
}

function entryAt(map: MapNode, path: Path): Entry | undefined {
  let entry: Entry | undefined;
  let node: TreeNode | undefined = map;
  for (const key of path) {
    entry = entryOf(node, key);
    node = entry?.node;
  }
  return entry;
}

/** `map` with `entry` at `path`, or without the key there. Sections on the way are made when they are missing. */
function setAt(map: MapNode, path: Path, entry: Entry | undefined): MapNode {
  const [key = "", ...rest] = path;
  if (rest.length === 0) return withEntries(map, new Map([[key, entry]]));
  const child = map.entries.get(key);
  const place = entry?.keyPlace ?? map.place;
  const empty: MapNode = { kind: "map", entries: new Map(), place };
  if (child !== undefined && child.node.kind !== "map" && !isNull(child.node)) return map;
  const inner = child?.node.kind === "map" ? child.node : empty;
  const changed: Entry = { keyPlace: child?.keyPlace ?? place, node: setAt(inner, rest, entry) };
  return withEntries(map, new Map([[key, changed]]));
}
