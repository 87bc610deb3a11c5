/** Repeats a request for a while and divides what it cost by how often it was made. */

export interface Cost {
  /** CPU time of the server for one request. */
  readonly cpuMicros: number;
  /** Half of the requests took no longer. */
  readonly p50Micros: number;
  readonly p99Micros: number;
  readonly perSecond: number;
}

export interface MeasureOptions {
  readonly ask: () => Promise<unknown>;
  /** CPU time of the server so far, in microseconds. */
  readonly cpu: () => Promise<number>;
  readonly seconds: number;
  /** Requests at a time. */
  readonly concurrent: number;
}

export async function measure({ ask, cpu, seconds, concurrent }: MeasureOptions): Promise<Cost> {
  const times: number[] = [];
  const before = await cpu();
  const startedMs = performance.now();
  const endMs = startedMs + seconds * 1000;
  const worker = async (): Promise<void> => {
    for (let now = performance.now(); now < endMs; ) {
      await ask();
      const then = now;
      now = performance.now();
      times.push(now - then);
    }
  };
  await Promise.all(Array.from({ length: concurrent }, worker));
  const elapsedMs = performance.now() - startedMs;
  const used = (await cpu()) - before;
  times.sort((a, b) => a - b);
  const at = (share: number): number => (times[Math.floor(times.length * share)] ?? 0) * 1000;
  return {
    cpuMicros: used / times.length,
    p50Micros: at(0.5),
    p99Micros: at(0.99),
    perSecond: (times.length / elapsedMs) * 1000,
  };
}
