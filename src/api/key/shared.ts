/** What the key routes have in common: limits and the schemas of their replies. */
import { KesError } from "../../errors.js";
import { type KeyName, keyName } from "../../names.js";

/** Largest body of the key routes in bytes: KES's decimal megabyte. */
export const MAX_BODY_BYTES = 1_000_000;
/** Most items of one bulk call. */
export const MAX_BULK_ITEMS = 1000;

/** Base64 text in a reply. */
export const base64 = { type: "string", contentEncoding: "base64" } as const;

/** JSON Schema of an object whose members are all sent. */
export function reply(
  properties: Readonly<Record<string, object>>,
  optional: readonly string[] = [],
): object {
  return {
    type: "object",
    properties,
    required: Object.keys(properties).filter((name) => !optional.includes(name)),
  };
}

/** The argument of a key route; the pipeline has checked it, this tells the type system. */
export function keyOf(argument: string): KeyName {
  const name = keyName(argument);
  if (name === undefined) throw new KesError("KEY_NAME_INVALID", [argument]);
  return name;
}
