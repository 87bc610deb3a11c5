/** Work on many things: several at a time, told of in their order. */

/**
 * Begins no more than `parallel` at once. When one fails, or its consumer stops, those that were begun are waited for and
 * no other is begun.
 */
export async function* inOrder<Item, Result>(
  items: Iterable<Item>,
  parallel: number,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result, void, undefined> {
  const iterator = items[Symbol.iterator]();
  const running: Promise<Result>[] = [];
  try {
    for (;;) {
      while (running.length < parallel) {
        const next = iterator.next();
        if (next.done === true) break;
        const begun = work(next.value);
        // Its turn comes later; until then a failure is nobody's, which Node.js would take for a fault.
        begun.catch(() => undefined);
        running.push(begun);
      }
      const first = running.shift();
      if (first === undefined) return;
      yield await first;
    }
  } finally {
    iterator.return?.();
    await Promise.allSettled(running);
  }
}
