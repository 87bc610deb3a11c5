/** The one parameter that a route can have: what stands behind the last slash of its path. */
import { MAX_NAME_BYTES, NAME_PATTERN } from "../../names.js";
import type { Argument } from "../route.js";

/** A parameter of a path, and the name it has there. */
export interface PathParameter {
  readonly name: string;
  readonly description: string;
  readonly schema: object;
  readonly example: string;
}

const name = { type: "string", minLength: 1, maxLength: MAX_NAME_BYTES, pattern: NAME_PATTERN };

/** By the kind of argument that `server/argument.ts` checks. */
export const parameters: Readonly<Record<Exclude<Argument, "none">, PathParameter>> = {
  "key-name": { name: "name", description: "Name of a key", schema: name, example: "my-key" },
  "policy-name": { name: "name", description: "Name of a policy", schema: name, example: "minio" },
  identity: {
    name: "identity",
    description: "SHA-256 of the public key info of a client's certificate, in hexadecimal digits",
    schema: name,
    example: "3ecfcdf38fcbe141ae26a1030f81e96b753365a46760ae6b578698a97c59fd22",
  },
  pattern: {
    name: "pattern",
    description: "The beginning of names, with or without a final `*`; empty or `*` for all",
    // A token of `continue_at` stands in the same place, so the alphabet of names does not bind it.
    schema: { type: "string" },
    example: "my-*",
  },
};

/** `/v1/key/create/` → `/v1/key/create/{name}`. */
export function pathTemplate(path: string, argument: Argument): string {
  return argument === "none" ? path : `${path}{${parameters[argument].name}}`;
}
