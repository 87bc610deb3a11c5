/** Several things at a time, and their results in the order in which they were asked for. */

/**
 * Runs `work` for up to `width` items at a time. Whatever ends the loop, no work is under way when it has ended.
 * @throws what `items` or `work` throw, the first in order
 */
export async function* mapOrdered<T, R>(
  items: AsyncIterable<T>,
  width: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const underWay: Promise<R>[] = [];
  try {
    for await (const item of items) {
      const result = work(item);
      // It is awaited in its turn; until then its failure is nobody's unhandled one.
      result.catch(() => {});
      underWay.push(result);
      const first = underWay.length >= width ? underWay.shift() : undefined;
      if (first !== undefined) yield await first;
    }
    for (let next = underWay.shift(); next !== undefined; next = underWay.shift()) yield await next;
  } finally {
    await Promise.allSettled(underWay);
  }
}
