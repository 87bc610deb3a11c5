/** `keystore`: where keys rest. Each kind brings the schema of its own section. */
import type { KeystoreAdapter, KeystoreRegistry } from "../../keystore/adapter.js";
import type { Config } from "../config.js";
import { decode } from "../decode.js";
import type { Environment } from "../env.js";
import type { Faults, Place } from "../faults.js";
import { nearest } from "../nearest.js";
import { describeNode, type Entry, entryOf, isNull, type TreeNode } from "../tree.js";
import { validate } from "../validate.js";

/** The section as the rest of the configuration sees it: read here, not there. */
export const keystoreSchema = {
  type: "object",
  opaque: true,
  description: "Where keys rest: exactly one keystore.",
} as const;

/** Keystores of KES, with the names that its messages give them. */
const KES_KINDS: Readonly<Record<string, string>> = {
  fs: "fs",
  vault: "vault",
  "fortanix.sdkms": "fortanix SDKMS",
  "gemalto.keysecure": "gemalto keysecure",
  "gcp.secretmanager": "GCP secretmanager",
  "aws.secretsmanager": "AWS secretsmanager",
  "azure.keyvault": "Azure keyvault",
  "entrust.keycontrol": "Entrust KeyControl",
};

/** Keystores that KES itself dropped. */
const DROPPED: Readonly<Record<string, string>> = {
  generic: "KES dropped the REST plug-in in February 2023; move the keys to another keystore",
  kes: "a KES server as keystore was dropped in October 2023; name the keystore behind it",
};

const NONE = "kesconf: no keystore specified";
const SECOND = "kesconf: invalid keystore config: more than once keystore specified";

interface Found {
  /** Path below `keystore`. */
  readonly kind: string;
  readonly entry: Entry;
}

/**
 * The keystore that `root` names, its options validated by the adapter's schema; undefined when a fault was
 * reported.
 */
export async function resolveKeystore(
  root: TreeNode,
  context: {
    readonly adapters: KeystoreRegistry;
    readonly env: Environment;
    readonly faults: Faults;
    readonly file: string;
  },
): Promise<Config["keystore"] | undefined> {
  const { adapters, env, faults } = context;
  const keystore = entryOf(root, "keystore");
  const before = faults.errorCount;
  const found = keystore === undefined ? [] : findKinds(keystore, adapters, faults);
  const [first, second] = found;
  if (first === undefined) {
    if (faults.errorCount > before) return undefined;
    const remedy = `set one of: ${Object.keys(adapters).join(", ")} (keys in memory alone: 'kes server --dev')`;
    faults.error(keystore?.keyPlace ?? { file: context.file }, "keystore", `${NONE}; ${remedy}`);
    return undefined;
  }
  if (second !== undefined) {
    const message = `${SECOND}; '${first.kind}' stands at line ${first.entry.keyPlace.line}`;
    faults.error(second.entry.keyPlace, `keystore.${second.kind}`, message);
    return undefined;
  }
  const adapter = await adapterOf(first.kind, adapters);
  if (adapter === undefined) {
    const supported = Object.keys(adapters).join(", ");
    const message = `keystore '${first.kind}' is not supported by this version; supported: ${supported}`;
    faults.error(first.entry.keyPlace, `keystore.${first.kind}`, message);
    return undefined;
  }
  const options = readOptions(first, adapter, env, faults);
  return faults.errorCount > before ? undefined : { kind: first.kind, options };
}

async function adapterOf(kind: string, adapters: KeystoreRegistry): Promise<KeystoreAdapter | undefined> {
  const load = Object.hasOwn(adapters, kind) ? adapters[kind] : undefined;
  return load === undefined ? undefined : (await load()).adapter;
}

function readOptions(
  { kind, entry }: Found,
  adapter: KeystoreAdapter,
  env: Environment,
  faults: Faults,
): unknown {
  const root = {
    pointer: kind.split(".").reduce((at, key) => `${at}/${key}`, "/keystore"),
    path: `keystore.${kind}`,
  };
  const decoded = decode(entry.node, adapter.schema, { env, faults, root });
  const placed = decoded.placements.get(root.pointer);
  if (placed !== undefined) decoded.placements.set(root.pointer, { ...placed, keyPlace: entry.keyPlace });
  const label = Object.hasOwn(KES_KINDS, kind) ? KES_KINDS[kind] : kind;
  const { value } = validate<unknown>(decoded, adapter.schema, {
    faults,
    pointer: root.pointer,
    missing: (key) => `kesconf: invalid ${label} keystore: no ${key} specified`,
  });
  return value;
}

/** Every keystore that the section names, of known kinds; what it names besides is reported. */
function findKinds(keystore: Entry, adapters: KeystoreRegistry, faults: Faults): readonly Found[] {
  const known = new Set([...Object.keys(adapters), ...Object.keys(KES_KINDS)]);
  return entriesOf(keystore, "keystore", faults).flatMap(([key, entry]): readonly Found[] => {
    if (known.has(key)) return isNull(entry.node) ? [] : [{ kind: key, entry }];
    const group = [...known].filter((kind) => kind.startsWith(`${key}.`));
    const path = `keystore.${key}`;
    if (group.length === 0) {
      refuseKey(
        key,
        path,
        entry.keyPlace,
        [...known].map((kind) => kind.split(".")[0] ?? kind),
        faults,
      );
      return [];
    }
    return entriesOf(entry, path, faults).flatMap(([inner, innerEntry]): readonly Found[] => {
      const kind = `${key}.${inner}`;
      if (known.has(kind)) return isNull(innerEntry.node) ? [] : [{ kind, entry: innerEntry }];
      const names = group.map((one) => one.slice(key.length + 1));
      refuseKey(inner, `${path}.${inner}`, innerEntry.keyPlace, names, faults);
      return [];
    });
  });
}

function entriesOf(entry: Entry, path: string, faults: Faults): readonly (readonly [string, Entry])[] {
  const { node } = entry;
  if (node.kind === "map") return [...node.entries].filter(([key]) => !key.startsWith("x-"));
  if (!isNull(node))
    faults.error(node.place, path, `expected a mapping (lines of 'key: value'), found ${describeNode(node)}`);
  return [];
}

function refuseKey(key: string, path: string, place: Place, names: readonly string[], faults: Faults): void {
  const dropped = Object.hasOwn(DROPPED, key) ? DROPPED[key] : undefined;
  if (dropped !== undefined) {
    faults.error(place, path, `${NONE}: '${key}' is none that this server has; ${dropped}`);
    return;
  }
  const meant = nearest(key, names);
  const hint =
    meant === undefined ? `known here: ${[...new Set(names)].join(", ")}` : `did you mean '${meant}'?`;
  faults.error(place, path, `unknown keystore '${key}'; ${hint}`);
}
