/**
 * Makes many calls few: while one run is under way, all further callers share the one after it. Whoever calls gets the
 * outcome of a run that began after the call.
 */
export function coalesced(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  const begin = (): Promise<void> => {
    const work = run().finally(() => {
      if (running === work) running = undefined;
    });
    running = work;
    return work;
  };
  return () => {
    if (running === undefined) return begin();
    next ??= running
      .catch(() => undefined)
      .then(() => {
        next = undefined;
        return begin();
      });
    return next;
  };
}
