/** The responses of operations, what many of them share being said once, under `components`. */
import { STATUS_CODES } from "node:http";
import { errorCatalogue } from "../../errors.js";
import type { Route } from "../route.js";
import { failuresOf, messageOf, variantOf } from "./failures.js";

const HEADERS = { "X-Request-Id": { $ref: "#/components/headers/RequestId" } };

/** Collects what is shared while the operations are made. */
export class Responses {
  /** Members of `components.examples`: error bodies. */
  readonly examples: Record<string, object> = {};
  /** Members of `components.responses`: answers that stand for one failure. */
  readonly shared: Record<string, object> = {};

  /** The `responses` of an operation, by status. */
  of(route: Route): Record<string, object> {
    return { "200": success(route), ...this.#failures(route) };
  }

  #failures(route: Route): Record<string, object> {
    const namesByStatus = new Map<number, string[]>();
    for (const code of failuresOf(route)) {
      const [status] = errorCatalogue[code];
      const name = code + variantOf(code, route);
      this.examples[name] ??= { value: { message: messageOf(code, route) } };
      namesByStatus.set(status, [...(namesByStatus.get(status) ?? []), name]);
    }
    const entries = [...namesByStatus].map(([status, names]) => [status, this.#response(status, names)]);
    return Object.fromEntries(entries);
  }

  #response(status: number, names: readonly string[]): object {
    const [name, ...others] = names;
    if (name === undefined || others.length > 0) return failure(status, names);
    this.shared[name] ??= failure(status, names);
    return { $ref: `#/components/responses/${name}` };
  }
}

function success({ doc }: Route): object {
  if (doc.reply === undefined) return { description: "Done; the answer is empty", headers: HEADERS };
  const content = { [doc.mediaType ?? "application/json"]: { schema: doc.reply } };
  return { description: "Done", headers: HEADERS, content };
}

/** Every message that the status can carry is an example. */
function failure(status: number, names: readonly string[]): object {
  const examples = Object.fromEntries(names.map((name) => [name, { $ref: `#/components/examples/${name}` }]));
  return {
    description: STATUS_CODES[status] ?? "Error",
    headers: HEADERS,
    content: { "application/json": { schema: { $ref: "#/components/schemas/Error" }, examples } },
  };
}
