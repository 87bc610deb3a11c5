/** Holds decoded values against a JSON Schema (ajv), fills in defaults, turns durations into milliseconds. */
import { Ajv2020, type ErrorObject, type ValidateFunction } from "ajv/dist/2020.js";
import type { Decoded } from "./decode.js";
import { parseDuration, toMilliseconds } from "./duration.js";
import type { Faults } from "./faults.js";
import { ANNOTATIONS, DURATION_FORMAT, type Schema } from "./schema.js";
import { isRecord, viewSchema } from "./schema-view.js";
import { pointerTo, Scope } from "./scope.js";

/** A value and the scope that tells which parts of it passed. */
export interface Validated<T> {
  readonly value: T;
  readonly scope: Scope;
}

export interface ValidateOptions {
  readonly faults: Faults;
  /** Where the value begins in the configuration; empty for the whole. */
  readonly pointer?: string;
  /** Message for a missing value that its schema gives none for. */
  readonly missing?: (key: string) => string;
}

/** Validates `decoded`. The type of the result is proved where `scope.ok` holds, and nowhere else. */
export function validate<T>(
  decoded: Decoded,
  schema: Schema<T> | (object & { readonly type?: unknown }),
  options: ValidateOptions,
): Validated<T> {
  const { faults, pointer = "" } = options;
  // ajv fills in defaults of parts, not of the whole.
  const check: ValidateFunction<T> = newAjv().compile<T>({ ...schema, default: undefined });
  const value: unknown = decoded.value ?? Object.create(null);
  const refused = new Set(decoded.refused);
  const scope = new Scope(faults, decoded.placements, refused);
  if (!check(value)) {
    for (const error of check.errors ?? []) report(error, { pointer, scope, refused, schema, options });
  }
  return { value: inMilliseconds(value, schema, schema) as T, scope };
}

function newAjv(): Ajv2020 {
  return new Ajv2020({
    allErrors: true,
    useDefaults: true,
    strict: true,
    strictRequired: false,
    strictTypes: false,
    keywords: [...ANNOTATIONS],
    // Our schemas are held against the meta-schema by a test. To compile it costs a start more than all the rest of ajv.
    meta: false,
    validateSchema: false,
    formats: { [DURATION_FORMAT]: (text: string) => parseDuration(text) !== undefined },
  });
}

interface Reporting {
  readonly pointer: string;
  readonly scope: Scope;
  readonly refused: Set<string>;
  readonly schema: unknown;
  readonly options: ValidateOptions;
}

function report(error: ErrorObject, to: Reporting): void {
  const at = to.pointer + error.instancePath;
  const isMissing = error.keyword === "required";
  const missingKey = isMissing ? String(error.params.missingProperty) : "";
  const pointer = isMissing ? pointerTo(at, missingKey) : at;
  // Errors of the branches of `anyOf` and `if` come with one that sums them up.
  const keys = keysOf(pointer);
  const around = keys.map((_, index) => keys.slice(0, index + 1).reduce<string>(pointerTo, ""));
  // What is missing in a section that was refused as a whole is no second fault.
  if (around.some((one) => to.refused.has(one)) || error.keyword === "if") return;
  to.refused.add(pointer);
  if (isMissing) {
    const view = viewSchema(schemaAt(to.schema, keysOf(error.instancePath).concat(missingKey)));
    const reason = view.missing ?? to.options.missing?.(missingKey);
    const missing = to.scope.at(...keys);
    missing.errorOfKey(reason ? `${reason}; set '${missing.path}'` : "is missing");
    return;
  }
  to.scope.at(...keys).error(messageOf(error));
}

/** Says what is wrong without the value, which may be a secret. */
function messageOf(error: ErrorObject): string {
  if (error.keyword === "enum") {
    return `must be one of: ${[error.params.allowedValues].flat().map(String).join(", ")}`;
  }
  if (error.keyword === "additionalProperties") return `unknown key '${error.params.additionalProperty}'`;
  return error.message ?? `is not valid (${error.keyword})`;
}

function keysOf(pointer: string): string[] {
  const steps = pointer.split("/").slice(1);
  return steps.map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** The schema that describes the value at `keys` below `schema`. */
function schemaAt(schema: unknown, keys: readonly string[]): unknown {
  let found = schema;
  for (const key of keys) {
    const view = viewSchema(found, schema);
    found = view.properties.get(key) ?? view.additional ?? view.items;
  }
  return found;
}

function inMilliseconds(value: unknown, schema: unknown, root: unknown): unknown {
  const view = viewSchema(schema, root);
  if (typeof value === "string" && view.format === DURATION_FORMAT) {
    return toMilliseconds(parseDuration(value) ?? 0n);
  }
  if (Array.isArray(value)) return value.map((item) => inMilliseconds(item, view.items, root));
  if (!isRecord(value)) return value;
  const converted: { [key: string]: unknown } = Object.create(null);
  for (const [key, child] of Object.entries(value)) {
    converted[key] = inMilliseconds(child, view.properties.get(key) ?? view.additional, root);
  }
  return converted;
}
