/** What listings show of objects, remembered: the back end's listing knows neither their plaintext's size nor its ETag. */

export interface SeenObject {
  readonly size: number;
  readonly etag: string;
}

const MAX_REMEMBERED = 100_000;

export class SeenObjects {
  readonly #seen = new Map<string, SeenObject>();

  get(id: string): SeenObject | undefined {
    const found = this.#seen.get(id);
    if (found !== undefined) {
      this.#seen.delete(id);
      this.#seen.set(id, found);
    }
    return found;
  }

  set(id: string, object: SeenObject): void {
    if (this.#seen.size >= MAX_REMEMBERED) {
      const [oldest] = this.#seen.keys();
      if (oldest !== undefined) this.#seen.delete(oldest);
    }
    this.#seen.set(id, object);
  }
}
