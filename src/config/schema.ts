/**
 * How a section of the configuration is described: JSON Schema (draft 2020-12) that says type, default and
 * meaning, made by functions that also carry the TypeScript type of a validated value.
 *
 * Besides JSON Schema's own keywords the loader reads {@link ANNOTATIONS}; adapters may use them too.
 */

declare const valueType: unique symbol;
declare const presence: unique symbol;

/** The keywords of JSON Schema that our sections use, and the annotations. */
export interface JsonSchema {
  readonly type?: "object" | "array" | "string" | "boolean";
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly format?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema;
  readonly required?: readonly string[];
  /** `false`: `${NAME}` is no reference here but text (KES configuration reference §3). */
  readonly env?: false;
  /** Message when the value is required, and absent or empty. */
  readonly missing?: string;
  /** Message when a duration is negative: `%d` its text, `%n` nanoseconds, `%k` the key of its section. */
  readonly negative?: string;
  /** `true`: what stands here is not decoded with the rest but read by a schema of its own. */
  readonly opaque?: true;
}

/** Keywords that are not JSON Schema's. */
export const ANNOTATIONS = ["env", "missing", "negative", "opaque"] as const;

/** Format of a duration in Go's syntax; the validated value is a number of milliseconds. */
export const DURATION_FORMAT = "go-duration";

/** A schema whose validated value is a `T`; `P` says whether it is there even when the file does not name it. */
export interface Schema<T, P extends "present" | "optional" = "present" | "optional"> extends JsonSchema {
  readonly [valueType]?: T;
  readonly [presence]?: P;
}

/** The type of a value that `S` accepts. */
export type ValueOf<S> = S extends Schema<infer T> ? T : never;

type Fields = Readonly<Record<string, Schema<unknown>>>;
type PresentKeys<F> = {
  [K in keyof F]: F[K] extends Schema<unknown, "present"> ? K : never;
}[keyof F];
type SectionOf<F> = { readonly [K in PresentKeys<F>]: ValueOf<F[K]> } & {
  readonly [K in Exclude<keyof F, PresentKeys<F>>]?: ValueOf<F[K]> | undefined;
};

interface TextOptions {
  readonly description: string;
  readonly env?: false;
  readonly enum?: readonly string[];
}

/** A value that must be in the file; `missing` is the message when it is not. */
export function requiredText(options: TextOptions & { readonly missing: string }): Schema<string, "present"> {
  return { type: "string", ...options };
}

/** A value with a default. */
export function text(options: TextOptions & { readonly default: string }): Schema<string, "present"> {
  return { type: "string", ...options };
}

/** A value that may be left out. */
export function optionalText(options: TextOptions): Schema<string, "optional"> {
  return { type: "string", ...options };
}

/** A duration in Go's syntax; the value is in milliseconds. */
export function duration(options: {
  readonly description: string;
  readonly default: string;
  readonly negative: string;
}): Schema<number, "present"> {
  return { type: "string", format: DURATION_FORMAT, ...options };
}

/** A duration that may be left out. */
export function optionalDuration(options: {
  readonly description: string;
  readonly negative: string;
}): Schema<number, "optional"> {
  return { type: "string", format: DURATION_FORMAT, ...options };
}

/** A boolean. */
export function flag(options: {
  readonly description: string;
  readonly default: boolean;
}): Schema<boolean, "present"> {
  return { type: "boolean", ...options };
}

/** A list; absent is empty. */
export function list<T>(items: Schema<T>, description: string): Schema<readonly T[], "present"> {
  return { type: "array", items, default: [], description };
}

/** A mapping with fixed keys; absent is a mapping without any, so that the defaults and demands of its keys hold. */
export function section<F extends Fields>(fields: F, description: string): Schema<SectionOf<F>, "present"> {
  return {
    type: "object",
    properties: fields,
    required: Object.keys(fields).filter((key) => fields[key]?.missing !== undefined),
    additionalProperties: false,
    default: {},
    description,
  };
}

/** A mapping whose keys are names that the operator chooses. */
export function named<T>(
  value: Schema<T>,
  description: string,
): Schema<Readonly<Record<string, T>>, "present"> {
  return { type: "object", additionalProperties: value, default: {}, description };
}

/** An option of the configuration, for documentation and its test. */
export interface OptionDoc {
  /** For example `cache.expiry.any`; `*` stands for a chosen name, `[]` for a list's items. */
  readonly path: string;
  readonly description: string;
  readonly default?: unknown;
}

/** Every option below `schema`, sections and values alike. */
export function optionsOf(schema: JsonSchema, path = ""): readonly OptionDoc[] {
  const below: OptionDoc[] = [];
  const step = (key: string, child: JsonSchema): void => {
    const childPath = path === "" ? key : `${path}.${key}`;
    const doc = { path: childPath, description: child.description ?? "" };
    below.push(child.default === undefined ? doc : { ...doc, default: child.default });
    below.push(...optionsOf(child, childPath));
  };
  for (const [key, child] of Object.entries(schema.properties ?? {})) step(key, child);
  if (typeof schema.additionalProperties === "object") step("*", schema.additionalProperties);
  if (schema.items !== undefined) below.push(...optionsOf(schema.items, `${path}[]`));
  return below;
}
