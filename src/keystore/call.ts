/** How long-running calls of an adapter obey an AbortSignal, and what their end then means. */
import { isKesError, KesError } from "../errors.js";
import { changeFault, type FaultMap, fault, uncertain } from "./faults.js";

/** One call of an adapter under way: where it may still be stopped, and where its outcome becomes open. */
export class Call {
  readonly #signal: AbortSignal | undefined;
  readonly #subject: string;
  #begun = false;

  /** @param subject - what the call works on, for the error log, for example `key folder /var/keys` */
  constructor(signal: AbortSignal | undefined, subject: string) {
    this.#signal = signal;
    this.#subject = subject;
  }

  /** To be called between steps. @throws KesError `KEYSTORE_UNREACHABLE` once the signal was aborted */
  proceed(): void {
    if (this.#signal?.aborted) throw this.aborted();
  }

  /**
   * Runs the one step that makes the change visible. From here on an abort, or a failure of this or a later
   * step, is `KEYSTORE_UNCERTAIN`, unless `step` was certainly refused.
   * @param map - refusals that are answers, as in {@link changeFault}
   */
  async commit(step: () => Promise<void>, map: FaultMap = {}): Promise<void> {
    this.proceed();
    this.#begun = true;
    try {
      await step();
    } catch (cause) {
      const error = changeFault(cause, map, this.#subject);
      if (error.code !== "KEYSTORE_UNCERTAIN") this.#begun = false;
      throw error;
    }
  }

  /** What an abort at this moment means to the caller. */
  aborted(): KesError {
    const code = this.#begun ? "KEYSTORE_UNCERTAIN" : "KEYSTORE_UNREACHABLE";
    return new KesError(code, [], { cause: this.#signal?.reason });
  }

  /** `cause` as error of the contract: once the change has begun, no failure may claim that nothing changed. */
  failed(cause: unknown): KesError {
    if (this.#begun) return uncertain(cause, this.#subject);
    return isKesError(cause) ? cause : fault(cause, {}, this.#subject);
  }
}

/**
 * Runs `task` and settles with it, or at once when `signal` is aborted.
 *
 * A system call cannot be taken back, so after an abort `task` runs on: up to its next `proceed` if it has not
 * begun its change, else to its end. What comes of it then is told to nobody; the caller knows that it is open.
 * @param subject - as for {@link Call}
 * @throws KesError of the contract, whatever `task` throws
 */
export async function abortable<T>(
  signal: AbortSignal | undefined,
  subject: string,
  task: (call: Call) => Promise<T>,
): Promise<T> {
  const call = new Call(signal, subject);
  call.proceed();
  if (signal === undefined) return settle(call, task);
  let stop = (): void => {};
  const abort = new Promise<never>((_, reject) => {
    stop = () => reject(call.aborted());
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([settle(call, task), abort]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

async function settle<T>(call: Call, task: (call: Call) => Promise<T>): Promise<T> {
  try {
    return await task(call);
  } catch (cause) {
    throw call.failed(cause);
  }
}
