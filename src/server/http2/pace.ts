/** How long a connection's answers wait for others that could leave in the same write. */

/** After so many turns in a row with one read each, nothing is waited for. */
const ALONE_TURNS = 16;
/** For so many answers. */
const ALONE_ANSWERS = 64;
/**
 * Then so many turns are waited for again, to see whether the client still asks one at a time. Of the first the answers
 * before may have been a part, so that one turn would say nothing.
 */
const LOOKED_AT_AGAIN = 2;

/**
 * A client with many requests under way has several read in one turn of the event loop, and all answers leave in one
 * write at its end. For a client that asks one at a time there is nothing to wait for, and the wait by itself costs a
 * twentieth of the request.
 */
export class Pace {
  #reads = 0;
  #aloneTurns = 0;
  #directAnswers = 0;

  /** Whether what is to be sent waits for the end of the turn, and not only of what was just read. */
  waits(): boolean {
    return this.#directAnswers === 0;
  }

  /** Something was read that is answered at the end of the turn. */
  read(): void {
    this.#reads++;
  }

  /** Something was answered at once. */
  answered(): void {
    this.#directAnswers--;
  }

  /** A turn is over, and what it gathered is written. */
  gathered(): void {
    // Without a read it was no request that had its answer: a deadline, or a key that came from the keystore.
    if (this.#reads === 0) return;
    this.#aloneTurns = this.#reads === 1 ? this.#aloneTurns + 1 : 0;
    this.#reads = 0;
    if (this.#aloneTurns < ALONE_TURNS) return;
    this.#directAnswers = ALONE_ANSWERS;
    this.#aloneTurns = ALONE_TURNS - LOOKED_AT_AGAIN;
  }
}
