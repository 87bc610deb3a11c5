/** The query of a request: decoded once, names as they are, none of them twice. */
import { s3Error } from "./errors.js";
import { percentDecode } from "./percent.js";

/** Name and value, decoded; a missing value is empty. */
export type QueryPair = readonly [name: string, value: string];

/** Many more than any operation has. The signature sorts them. */
const MAX_PAIRS = 256;

/**
 * Names are compared as they are, but for those that begin with `x-amz-`, where case does not matter. A name that came
 * twice is refused: two readers of such a query may each take another value.
 */
export class Query {
  /** In the order in which they came. */
  readonly pairs: readonly QueryPair[];
  readonly #values: ReadonlyMap<string, string>;

  private constructor(pairs: readonly QueryPair[], values: ReadonlyMap<string, string>) {
    this.pairs = pairs;
    this.#values = values;
  }

  /**
   * @param raw - what follows the `?`
   * @throws S3Error `URI_INVALID`, `PARAMETER_REPEATED`
   */
  static parse(raw: string): Query {
    const pairs = parseQuery(raw);
    const values = new Map<string, string>();
    for (const [name, value] of pairs) {
      const key = keyOf(name);
      if (values.has(key)) throw s3Error("PARAMETER_REPEATED", { members: { ArgumentName: name } });
      values.set(key, value);
    }
    return new Query(pairs, values);
  }

  has(name: string): boolean {
    return this.#values.has(keyOf(name));
  }

  /** The value; undefined when the name is not there. */
  get(name: string): string | undefined {
    return this.#values.get(keyOf(name));
  }

  /** The value; undefined when it is empty as well, as §5 has it for the parameters of listings. */
  filled(name: string): string | undefined {
    return this.#values.get(keyOf(name)) || undefined;
  }
}

/**
 * Pairs between ampersands; empty ones are passed over.
 * @throws S3Error `URI_INVALID`
 */
export function parseQuery(raw: string): QueryPair[] {
  const pairs: QueryPair[] = [];
  for (const part of raw.split("&")) {
    if (part === "") continue;
    const equals = part.indexOf("=");
    const name = percentDecode(equals < 0 ? part : part.slice(0, equals), true);
    const value = percentDecode(equals < 0 ? "" : part.slice(equals + 1), true);
    if (name === undefined || value === undefined || pairs.length === MAX_PAIRS) throw s3Error("URI_INVALID");
    pairs.push([name, value]);
  }
  return pairs;
}

function keyOf(name: string): string {
  return /^x-amz-/i.test(name) ? name.toLowerCase() : name;
}
