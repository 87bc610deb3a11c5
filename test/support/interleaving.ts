/** Tasks that go on step by step, in every order of their steps: races, without chance. */
import { AsyncLocalStorage } from "node:async_hooks";

/** Where a task waits for its turn. */
export interface Stepper {
  /** Harmless outside of a task. */
  step(name: string): Promise<void>;
}

export interface Race {
  /** Each is to end by itself; what it rejects with fails the race. */
  readonly tasks: readonly (() => Promise<void>)[];
  /** After all have ended. */
  readonly check: () => Promise<void>;
}

interface Waiting {
  readonly name: string;
  readonly goOn: () => void;
}

const MAX_ORDERS = 5_000;

/**
 * Runs a race once for each order of its steps. Between two steps of a task no other may wait for it.
 * @param begin - the same race each time, over a state of its own
 * @returns the orders, as texts
 */
export async function everyOrder(begin: (stepper: Stepper) => Promise<Race>): Promise<readonly string[]> {
  const orders: string[] = [];
  let prefix: readonly number[] | undefined = [];
  while (prefix !== undefined) {
    if (orders.length === MAX_ORDERS) throw new Error("too many orders");
    const run = new Run(prefix);
    try {
      await run.race(await begin(run));
    } catch (cause) {
      throw new Error(`in the order ${run.order}`, { cause });
    }
    orders.push(run.order);
    prefix = run.next();
  }
  return orders;
}

/** One order: the choices of a prefix, then always the first task that can go on. */
class Run implements Stepper {
  readonly #prefix: readonly number[];
  readonly #task = new AsyncLocalStorage<number>();
  readonly #waiting = new Map<number, Waiting>();
  readonly #choices: { readonly taken: number; readonly of: number }[] = [];
  readonly #steps: string[] = [];
  #running = 0;
  #settled: () => void = () => undefined;

  constructor(prefix: readonly number[]) {
    this.#prefix = prefix;
  }

  get order(): string {
    return this.#steps.join(" ");
  }

  step(name: string): Promise<void> {
    const task = this.#task.getStore();
    if (task === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      const goOn = (): void => {
        this.#running++;
        resolve();
      };
      this.#waiting.set(task, { name, goOn });
      this.#pause();
    });
  }

  async race({ tasks, check }: Race): Promise<void> {
    this.#running = tasks.length;
    const ends = tasks.map((task, i) => this.#task.run(i, task).finally(() => this.#pause()));
    const all = Promise.all(ends);
    // Told below, once no task runs any more.
    all.catch(() => undefined);
    for (;;) {
      await this.#quiet();
      const able = [...this.#waiting.keys()].sort((a, b) => a - b);
      if (able.length === 0) break;
      const at = this.#choices.length;
      const taken = this.#prefix[at] ?? 0;
      this.#choices.push({ taken, of: able.length });
      const task = able[taken] ?? 0;
      const waiting = this.#waiting.get(task);
      if (waiting === undefined) throw new Error("the race is not the same each time");
      this.#waiting.delete(task);
      this.#steps.push(`${task}:${waiting.name}`);
      waiting.goOn();
    }
    await all;
    await check();
  }

  /** The choices of the order after this one. */
  next(): readonly number[] | undefined {
    const last = this.#choices.findLastIndex(({ taken, of }) => taken + 1 < of);
    const choice = this.#choices[last];
    if (choice === undefined) return undefined;
    return [...this.#choices.slice(0, last).map(({ taken }) => taken), choice.taken + 1];
  }

  #pause(): void {
    this.#running--;
    if (this.#running === 0) this.#settled();
  }

  async #quiet(): Promise<void> {
    while (this.#running > 0) {
      await new Promise<void>((resolve) => {
        this.#settled = resolve;
      });
    }
  }
}
