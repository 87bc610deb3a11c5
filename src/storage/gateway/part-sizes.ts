/** Sizes of the parts of objects that were uploaded in parts: asked of the back end, one HEAD each, and remembered. */
import { HeadObjectCommand } from "@aws-sdk/client-s3";
import { s3Error } from "../s3/errors.js";
import type { ObjectPath } from "../sse/seal.js";
import type { BackEnd } from "./back-end.js";
import type { CustomerFields } from "./twice.js";

/** Objects whose sizes are remembered. */
const MAX_REMEMBERED = 1_000;
/** Asked for at a time. */
const CONCURRENCY = 8;

export interface AskedParts {
  readonly path: ObjectPath;
  /** As the back end has it, with quotes. */
  readonly backEndETag: string;
  readonly storedSize: number;
  readonly customer: CustomerFields;
  readonly signal: AbortSignal | undefined;
}

export class PartSizes {
  readonly #remembered = new Map<string, readonly number[]>();

  /**
   * @returns bytes of parts 1 to n as they are stored; one for an object that the back end knows no parts of
   * @throws S3Error `INTERNAL` when they do not add up
   */
  async of(backEnd: BackEnd, asked: AskedParts): Promise<readonly number[]> {
    const { path, backEndETag } = asked;
    const id = JSON.stringify([path.bucket, path.object, backEndETag]);
    const known = this.#remembered.get(id);
    if (known !== undefined) return known;
    const sizes = await askSizes(backEnd, asked);
    if (this.#remembered.size >= MAX_REMEMBERED) {
      const [oldest] = this.#remembered.keys();
      if (oldest !== undefined) this.#remembered.delete(oldest);
    }
    this.#remembered.set(id, sizes);
    return sizes;
  }
}

async function askSizes(backEnd: BackEnd, asked: AskedParts): Promise<readonly number[]> {
  const first = await askPart(backEnd, asked, 1);
  const count = first.count ?? 1;
  const sizes: number[] = [first.size];
  for (let from = 2; from <= count; from += CONCURRENCY) {
    const numbers = Array.from({ length: Math.min(CONCURRENCY, count - from + 1) }, (_, i) => from + i);
    const found = await Promise.all(numbers.map((number) => askPart(backEnd, asked, number)));
    sizes.push(...found.map(({ size }) => size));
    // Uploads are cut into equal parts, all but the last: what fits so need not be asked part by part.
    const guess = equalSizes(sizes[0] ?? 0, count, asked.storedSize);
    if (from === 2 && guess !== undefined && sizes.every((size, i) => size === guess[i])) return guess;
  }
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (total !== asked.storedSize) {
    throw s3Error("INTERNAL", { cause: new Error("the back end's sizes of parts do not fit the object's") });
  }
  return sizes;
}

/** Undefined when parts of this size cannot make up the whole. A wrong guess would show: no package would open. */
function equalSizes(size: number, count: number, total: number): readonly number[] | undefined {
  const last = total - size * (count - 1);
  if (last <= 0 || last > size) return undefined;
  return [...Array<number>(count - 1).fill(size), last];
}

async function askPart(
  backEnd: BackEnd,
  { path: { bucket, object }, customer, signal }: AskedParts,
  number: number,
): Promise<{ readonly count: number | undefined; readonly size: number }> {
  const found = await backEnd.call(signal, (client, options) =>
    client.send(
      new HeadObjectCommand({
        // Not "if it is still the same": some services hold that against the part's own ETag. What is read by these sizes
        // is read under that condition.
        ...{ Bucket: bucket, Key: object, PartNumber: number },
        ...customer,
      }),
      options,
    ),
  );
  if (found.ContentLength === undefined)
    throw s3Error("INTERNAL", { cause: new Error("a part without size") });
  return { count: found.PartsCount, size: found.ContentLength };
}
