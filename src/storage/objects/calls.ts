/** Calls and contents on their way, so that closing leaves nothing open. */
import { s3Error } from "../s3/errors.js";

export class Calls {
  readonly #running = new Set<Promise<unknown>>();
  readonly #contents = new Set<AsyncIterableIterator<Buffer>>();
  #isClosed = false;

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** @throws S3Error `UNAVAILABLE` after {@link close} */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isClosed) throw s3Error("UNAVAILABLE");
    const running = work();
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  /** The same content, which fails after {@link close}: its end must not look like the end of the object. */
  content(inner: AsyncIterableIterator<Buffer>): AsyncIterableIterator<Buffer> {
    const end = (): void => void this.#contents.delete(inner);
    this.#contents.add(inner);
    const content: AsyncIterableIterator<Buffer> = {
      next: async () => {
        if (this.#isClosed) throw s3Error("UNAVAILABLE");
        try {
          const result = await inner.next();
          if (this.#isClosed) throw s3Error("UNAVAILABLE");
          if (result.done === true) end();
          return result;
        } catch (error) {
          end();
          throw error;
        }
      },
      return: async () => {
        end();
        return (await inner.return?.()) ?? { done: true, value: undefined };
      },
      [Symbol.asyncIterator]: () => content,
    };
    return content;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#running);
    await Promise.allSettled([...this.#contents].map((content) => content.return?.()));
    this.#contents.clear();
  }
}
