/** What a JSON Schema says of one value, gathered from its branches: enough to read text into the right type. */

export interface SchemaView {
  /** JSON Schema's names; empty when it says nothing. */
  readonly types: ReadonlySet<string>;
  readonly properties: ReadonlyMap<string, unknown>;
  /** Schema of keys that {@link properties} does not name; undefined when there may be none. */
  readonly additional: unknown;
  readonly items: unknown;
  readonly format: string | undefined;
  readonly env: boolean;
  readonly missing: string | undefined;
  readonly negative: string | undefined;
  readonly opaque: boolean;
}

/** Steps through `$ref` and branches; a schema that refers to itself ends here. */
const MAX_STEPS = 64;

/**
 * @param root - the schema that local references (`#/$defs/…`) are looked up in
 */
export function viewSchema(schema: unknown, root: unknown = schema): SchemaView {
  const parts: Readonly<Record<string, unknown>>[] = [];
  const pending: unknown[] = [schema];
  for (let steps = 0; pending.length > 0 && steps < MAX_STEPS; steps++) {
    const part = pending.shift();
    if (!isRecord(part)) continue;
    parts.push(part);
    if (typeof part.$ref === "string") pending.push(lookUp(root, part.$ref));
    for (const branch of [part.allOf, part.anyOf, part.oneOf]) {
      if (Array.isArray(branch)) pending.push(...branch);
    }
    pending.push(part.then, part.else);
  }
  const first = (key: string): unknown => parts.find((part) => part[key] !== undefined)?.[key];
  const text = (key: string): string | undefined => {
    const value = first(key);
    return typeof value === "string" ? value : undefined;
  };
  const properties = new Map<string, unknown>();
  for (const part of parts) {
    for (const [key, child] of Object.entries(isRecord(part.properties) ? part.properties : {})) {
      // `{ const: … }` in a branch narrows a property that the schema itself describes.
      if (!properties.has(key)) properties.set(key, child);
    }
  }
  const additional = parts
    .map((part) => part.additionalProperties)
    .find((one) => one === true || isRecord(one));
  return {
    types: new Set(parts.flatMap((part) => part.type).filter((type) => typeof type === "string")),
    properties,
    additional,
    items: first("items"),
    format: text("format"),
    env: first("env") !== false,
    missing: text("missing"),
    negative: text("negative"),
    opaque: first("opaque") === true,
  };
}

function lookUp(root: unknown, reference: string): unknown {
  if (!reference.startsWith("#")) return undefined;
  let found: unknown = root;
  for (const step of reference.slice(1).split("/").slice(1)) {
    found = isRecord(found) ? found[step.replaceAll("~1", "/").replaceAll("~0", "~")] : undefined;
  }
  return found;
}

/** True for an object that is no list. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
