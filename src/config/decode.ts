/**
 * Tree → plain values as a schema types them: environment references resolved, scalars read by
 * the rules of KES configuration reference §2, unknown keys refused, `x-` keys and nulls left out.
 * What JSON Schema can say beyond types is left to `validate.ts`.
 */
import { formatDuration } from "./duration.js";
import { type Environment, referencedVariable } from "./env.js";
import type { Faults } from "./faults.js";
import { nearest } from "./nearest.js";
import { type Origin, readBoolean, readDuration, readInteger } from "./scalars.js";
import { DURATION_FORMAT } from "./schema.js";
import { type SchemaView, viewSchema } from "./schema-view.js";
import { type Placed, pathTo, pointerTo } from "./scope.js";
import { describeNode, isNull, type ListNode, type MapNode, type ScalarNode, type TreeNode } from "./tree.js";

/** Plain data without prototypes, so that a policy may be called `__proto__`. */
export type Plain = string | number | boolean | Plain[] | { [key: string]: Plain };

export interface Decoded {
  /** Undefined when the file says nothing. */
  readonly value: Plain | undefined;
  readonly placements: Map<string, Placed>;
  /** Pointers whose fault is already reported: what follows from it is not reported again. */
  readonly refused: ReadonlySet<string>;
}

/** Where a tree begins in the configuration, when it is not the whole file. */
export interface Root {
  readonly pointer: string;
  readonly path: string;
}

/** Decodes `node` by `schema`; what is wrong goes to `faults`. */
export function decode(
  node: TreeNode,
  schema: unknown,
  context: { readonly env: Environment; readonly faults: Faults; readonly root?: Root },
): Decoded {
  const decoder = new Decoder(schema, context.env, context.faults);
  const { pointer, path } = context.root ?? { pointer: "", path: "" };
  const value = decoder.decode(node, schema, pointer, path);
  return { value, placements: decoder.placements, refused: decoder.refused };
}

class Decoder {
  readonly placements = new Map<string, Placed>();
  readonly refused = new Set<string>();
  readonly #root: unknown;
  readonly #env: Environment;
  readonly #faults: Faults;

  constructor(root: unknown, env: Environment, faults: Faults) {
    this.#root = root;
    this.#env = env;
    this.#faults = faults;
  }

  decode(node: TreeNode, schema: unknown, pointer: string, path: string): Plain | undefined {
    this.placements.set(pointer, { place: node.place, path });
    if (isNull(node)) return undefined;
    const view = viewSchema(schema, this.#root);
    if (view.opaque) return undefined;
    if (!accepts(view, node)) {
      return this.#refuse(node, pointer, path, `expected ${expected(view)}, found ${describeNode(node)}`);
    }
    switch (node.kind) {
      case "map":
        return this.#map(node, view, pointer, path);
      case "list":
        return this.#list(node, view, pointer, path);
      case "scalar":
        return this.#scalar(node, view, pointer, path);
    }
  }

  #map(node: MapNode, view: SchemaView, pointer: string, path: string): Plain {
    const plain: { [key: string]: Plain } = Object.create(null);
    // Only where the keys are fixed: names that the operator chooses, of policies for example, may begin so.
    const open = view.additional !== undefined;
    for (const [key, entry] of node.entries) {
      const schema = view.properties.get(key) ?? view.additional;
      const childPath = pathTo(path, key);
      if (schema === undefined) {
        if (!key.startsWith("x-")) this.#refuseKey(key, entry.keyPlace, view, pointer, childPath);
        continue;
      }
      const childPointer = pointerTo(pointer, key);
      const value = this.decode(entry.node, schema, childPointer, childPath);
      const child = viewSchema(schema, this.#root);
      if (value !== undefined && !(value === "" && child.types.has("string"))) plain[key] = value;
      // A policy without rules is a policy; everywhere else null means absent.
      else if (open && isNull(entry.node) && child.types.has("object")) plain[key] = Object.create(null);
      const placed = this.placements.get(childPointer);
      if (placed !== undefined)
        this.placements.set(childPointer, {
          ...placed,
          keyPlace: entry.keyPlace,
          absent: isNull(entry.node),
        });
    }
    return plain;
  }

  #list(node: ListNode, view: SchemaView, pointer: string, path: string): Plain {
    const plain: Plain[] = [];
    for (const item of node.items) {
      if (isNull(item)) continue;
      const index = plain.length;
      const value = this.decode(item, view.items ?? {}, pointerTo(pointer, index), pathTo(path, index));
      // A refused item keeps its index, so that the places of the others stay right.
      plain.push(value ?? "");
    }
    return plain;
  }

  #scalar(node: ScalarNode, view: SchemaView, pointer: string, path: string): Plain | undefined {
    const variable = view.env ? referencedVariable(node.text) : undefined;
    let text = node.text;
    let origin: Origin = node.plain ? "plain" : "quoted";
    if (variable !== undefined) {
      const found = Object.hasOwn(this.#env, variable) ? this.#env[variable] : undefined;
      if (found === undefined) {
        const { line } = node.place;
        const message = `kesconf: referenced env. variable '${variable}' in line '${line}' not found`;
        return this.#refuse(node, pointer, path, message);
      }
      this.placements.set(pointer, { place: node.place, path, variable });
      text = found;
      origin = "env";
    }
    const value = readScalar(text, origin, view);
    if (value.ok) {
      const negative =
        value.nanoseconds !== undefined && value.nanoseconds < 0n ? value.nanoseconds : undefined;
      if (negative === undefined) return value.plain;
      return this.#refuse(node, pointer, path, negativeMessage(negative, view, path));
    }
    const shown = variable === undefined ? `'${text}'` : `the value of \${${variable}}`;
    return this.#refuse(node, pointer, path, `${shown} is not ${value.expected}`);
  }

  #refuse(node: TreeNode, pointer: string, path: string, message: string): undefined {
    this.#faults.error(node.place, path, message);
    this.refused.add(pointer);
    return undefined;
  }

  #refuseKey(key: string, place: Placed["place"], view: SchemaView, pointer: string, path: string): void {
    const known = [...view.properties.keys()];
    const meant = nearest(key, known);
    const hint = meant === undefined ? `known here: ${known.join(", ")}` : `did you mean '${meant}'?`;
    this.#faults.error(place, path, `unknown key '${key}'; ${hint} (keys of your own begin with 'x-')`);
    // The key that was meant is not missing, it is misspelt: one fault is enough.
    if (meant !== undefined) this.refused.add(pointerTo(pointer, meant));
  }
}

type Read =
  | { readonly ok: true; readonly plain: Plain; readonly nanoseconds?: bigint }
  | { readonly ok: false; readonly expected: string };

function readScalar(text: string, origin: Origin, view: SchemaView): Read {
  const { types } = view;
  if (view.format === DURATION_FORMAT) {
    const nanoseconds = readDuration(text, origin);
    if (nanoseconds !== undefined) return { ok: true, plain: text, nanoseconds };
    return { ok: false, expected: "a duration; write a number with a unit, for example 30s, 5m or 1h30m" };
  }
  if (types.has("string") || types.size === 0) return { ok: true, plain: text };
  const boolean = types.has("boolean") ? readBoolean(text, origin) : undefined;
  if (boolean !== undefined) return { ok: true, plain: boolean };
  const number = types.has("integer") || types.has("number") ? readInteger(text) : undefined;
  if (number !== undefined) return { ok: true, plain: number };
  if (!types.has("boolean")) return { ok: false, expected: "a whole number" };
  const quotes = origin === "quoted" ? " without quotes" : "";
  return { ok: false, expected: `a boolean; write true or false${quotes}` };
}

function negativeMessage(nanoseconds: bigint, view: SchemaView, path: string): string {
  // `path` ends in `.timeout`; what stands before is the key of the section, which may hold dots itself.
  const section = path.slice(path.indexOf(".") + 1, path.lastIndexOf("."));
  const told = (view.negative ?? "'%d' is negative")
    .replaceAll("%d", formatDuration(nanoseconds))
    .replaceAll("%n", String(nanoseconds))
    .replaceAll("%k", () => section);
  return `${told}; it must not be negative`;
}

const SCALAR_TYPES = ["string", "boolean", "integer", "number"];

function accepts(view: SchemaView, node: TreeNode): boolean {
  const { types } = view;
  if (types.size === 0)
    return node.kind !== "map" || view.properties.size > 0 || view.additional !== undefined;
  if (node.kind === "map") return types.has("object");
  if (node.kind === "list") return types.has("array");
  return SCALAR_TYPES.some((type) => types.has(type));
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  object: "a mapping (lines of 'key: value')",
  array: "a list (lines that begin with '- ')",
  string: "a text",
  boolean: "true or false",
  integer: "a whole number",
  number: "a number",
};

function expected(view: SchemaView): string {
  if (view.format === DURATION_FORMAT) return "a duration";
  return [...view.types].map((type) => TYPE_NAMES[type] ?? type).join(" or ") || "a single value or a list";
}
