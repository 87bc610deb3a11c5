/** What became of the clients' operations. */

export const operations = ["put", "get", "range", "multipart", "list", "delete"] as const;
export type Operation = (typeof operations)[number];

export interface OperationTally {
  done: number;
  /** Of those done, took more than one attempt of AWS's client for one of their calls. */
  retried: number;
  /** Bodies that broke off and were asked for once more, which AWS's client leaves to its user. */
  cut: number;
  /** After all retries. */
  failed: number;
  /** Answers that were not what is stored. */
  wrong: number;
  longestMs: number;
}

/** Most messages kept of failures and wrong answers. */
const MAX_MESSAGES = 50;

export class Tally {
  readonly of: Readonly<Record<Operation, OperationTally>>;
  readonly messages: string[] = [];
  readonly #begun = performance.now();

  constructor() {
    const empty = (): OperationTally => ({ done: 0, retried: 0, cut: 0, failed: 0, wrong: 0, longestMs: 0 });
    this.of = {
      ...{ put: empty(), get: empty(), range: empty() },
      ...{ multipart: empty(), list: empty(), delete: empty() },
    };
  }

  note(text: string): void {
    const seconds = ((performance.now() - this.#begun) / 1_000).toFixed(1);
    if (this.messages.length < MAX_MESSAGES) this.messages.push(`${seconds} s: ${text}`);
  }

  total(what: "done" | "retried" | "cut" | "failed" | "wrong"): number {
    return operations.reduce((sum, name) => sum + this.of[name][what], 0);
  }

  get longestMs(): number {
    return Math.max(...operations.map((name) => this.of[name].longestMs));
  }
}
