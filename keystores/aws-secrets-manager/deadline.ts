/** Waits that end. */

/**
 * Settles with `task`, or rejects after `ms` or when `signal` is aborted; `task` then goes on for nobody.
 * @throws the signal's reason, or a `TimeoutError`
 */
export async function untilEnd<T>(task: Promise<T>, ms: number, signal: AbortSignal | undefined): Promise<T> {
  const timeout = AbortSignal.timeout(ms);
  const end = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
  end.throwIfAborted();
  let stop = (): void => {};
  const ended = new Promise<never>((_, reject) => {
    stop = () => reject(end.reason);
    end.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([task, ended]);
  } finally {
    end.removeEventListener("abort", stop);
  }
}
