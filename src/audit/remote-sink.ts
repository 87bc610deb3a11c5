/** Records on their way from a worker process to the one that has the file: all of one turn of the event loop at once. */
import { KesError } from "../errors.js";
import type { AuditSink } from "./sink.js";

/** Plain data that can go from process to process. */
export interface AuditBatch {
  readonly records: readonly string[];
  /** The sender waits until they are written; otherwise only until they have arrived. */
  readonly durable: boolean;
  /** Records that were dropped before, because too many waited. */
  readonly lost: number;
}

/** Records that nobody waits for may take so much memory until they have arrived, in characters. */
const MAX_WAITING = 8 * 1024 * 1024;

/** The worker's side. */
export class RemoteAuditSink implements AuditSink {
  readonly #deliver: (batch: AuditBatch) => Promise<void>;
  #durable: { readonly members: string; readonly settle: (error?: KesError) => void }[] = [];
  #loose: string[] = [];
  #looseSize = 0;
  #lost = 0;
  #scheduled = false;

  /** @param deliver - resolves when the batch is where it belongs; rejects when that is not so or not known */
  constructor(deliver: (batch: AuditBatch) => Promise<void>) {
    this.#deliver = deliver;
  }

  append(members: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#durable.push({ members, settle: (error) => (error === undefined ? resolve() : reject(error)) });
      this.#schedule();
    });
  }

  record(members: string): void {
    if (this.#looseSize + members.length > MAX_WAITING) {
      this.#lost++;
      return;
    }
    this.#looseSize += members.length;
    this.#loose.push(members);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#send();
    });
  }

  #send(): void {
    const waiting = this.#durable;
    const loose = this.#loose;
    const lost = this.#lost;
    this.#durable = [];
    this.#loose = [];
    this.#lost = 0;
    if (waiting.length > 0) {
      const settleAll = (error?: KesError): void => {
        for (const { settle } of waiting) settle(error);
      };
      this.#deliver({ records: waiting.map(({ members }) => members), durable: true, lost: 0 }).then(
        () => settleAll(),
        (cause: unknown) => settleAll(new KesError("AUDIT_UNAVAILABLE", [], { cause })),
      );
    }
    if (loose.length === 0 && lost === 0) return;
    const size = loose.reduce((sum, members) => sum + members.length, 0);
    this.#deliver({ records: loose, durable: false, lost }).then(
      () => {
        this.#looseSize -= size;
      },
      () => {
        this.#looseSize -= size;
        this.#lost += lost + loose.length;
      },
    );
  }
}

/** The side of the file: writes what a worker has sent. @param lose - counts records that never came */
export async function takeBatch(
  { records, durable, lost }: AuditBatch,
  sink: AuditSink,
  lose: (records: number) => void,
): Promise<void> {
  if (lost > 0) lose(lost);
  if (durable) await Promise.all(records.map((members) => sink.append(members)));
  else for (const members of records) sink.record(members);
}
