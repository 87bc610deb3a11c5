/** Which of several endpoints is asked, in which order (KES reference §12.4, its faults mended). */
import type { Clock } from "./clock.js";
import type { Nearness } from "./nearness.js";

/** One endpoint as failover sees it. */
export interface Candidate {
  /** Asks it whether it is back. @returns false also when it does not answer; never rejects */
  probe(): Promise<boolean>;
  nearness(): Promise<Nearness>;
}

interface State<C> {
  readonly candidate: C;
  nearness: Nearness;
  /** On the clock's `now`; 0 while it is in use. */
  restsUntilMs: number;
  isProbed: boolean;
}

export class Failover<C extends Candidate> {
  readonly #states: readonly State<C>[];
  readonly #clock: Clock;
  readonly #restMs: number;
  #ranking: Promise<void> | undefined;
  #isRanked: boolean;
  #turn: number;

  constructor(candidates: readonly C[], clock: Clock, restMs: number) {
    this.#states = candidates.map((candidate) => ({
      candidate,
      nearness: 2,
      restsUntilMs: 0,
      isProbed: false,
    }));
    this.#clock = clock;
    this.#restMs = restMs;
    // Clients that start together must not all begin at the same server.
    this.#turn = Math.floor(clock.random() * candidates.length);
    this.#isRanked = candidates.length === 1;
  }

  /** True when {@link order} knows how near each is. */
  get isRanked(): boolean {
    return this.#isRanked;
  }

  /** Finds out how near each is, once. Takes as long as the slowest. */
  rank(): Promise<void> {
    this.#ranking ??= Promise.all(
      this.#states.map(async (state) => {
        state.nearness = await state.candidate.nearness();
      }),
    ).then(() => {
      this.#isRanked = true;
    });
    return this.#ranking;
  }

  /**
   * Every endpoint in the order in which the next call tries them: the nearest first, those equally near in turns, and
   * those at rest last. An endpoint whose rest is over is asked by a probe, not by this call, unless there is
   * nothing else.
   */
  order(): readonly C[] {
    const states = this.#states;
    const [first] = states;
    if (states.length === 1 && first !== undefined) return [first.candidate];
    const nowMs = this.#clock.now();
    for (const state of states) {
      if (state.restsUntilMs > 0 && state.restsUntilMs <= nowMs && !state.isProbed) this.#probe(state);
    }
    const turn = this.#turn++;
    const group = (isResting: boolean, nearness: Nearness): State<C>[] => {
      const equal = states.filter(
        (state) => state.restsUntilMs > 0 === isResting && state.nearness === nearness,
      );
      return equal.map((_, i) => equal[(turn + i) % equal.length]).filter((state) => state !== undefined);
    };
    return [false, true]
      .flatMap((isResting) => [group(isResting, 0), group(isResting, 1), group(isResting, 2)].flat())
      .map(({ candidate }) => candidate);
  }

  /** It answered as it should. */
  succeeded(candidate: C): void {
    const state = this.#stateOf(candidate);
    if (state !== undefined) state.restsUntilMs = 0;
  }

  /** It failed: it is left alone for a while. */
  failed(candidate: C): void {
    const state = this.#stateOf(candidate);
    if (state !== undefined) state.restsUntilMs = this.#clock.now() + this.#restMs;
  }

  #probe(state: State<C>): void {
    state.isProbed = true;
    void state.candidate.probe().then((isBack) => {
      state.isProbed = false;
      // A call may have found out more in the meantime.
      if (state.restsUntilMs === 0) return;
      state.restsUntilMs = isBack ? 0 : this.#clock.now() + this.#restMs;
    });
  }

  #stateOf(candidate: C): State<C> | undefined {
    return this.#states.find((state) => state.candidate === candidate);
  }
}
