/** Log streams of a server with several workers: who follows what, and the one order of all lines. */
import type { LogRelay } from "../../audit/hub.js";
import type { Followed, StreamName } from "./protocol.js";
import { settledWithin } from "./settled.js";
import type { WorkerProcess } from "./worker-process.js";

/** Lines that a worker has not taken may be so large together; after that it gets none, and says so to its followers. */
const MAX_UNSENT_BYTES = 8 * 1024 * 1024;
/** Longest wait for workers that are to send their lines from now on. */
const TELL_TIMEOUT_MS = 1_000;

export class Following {
  readonly #workers: () => readonly WorkerProcess[];

  constructor(workers: () => readonly WorkerProcess[]) {
    this.#workers = workers;
  }

  get followed(): Followed {
    const some = (stream: StreamName): boolean => this.#workers().some(({ follows }) => follows.has(stream));
    return { audit: some("audit"), error: some("error") };
  }

  /** Resolves when all workers know what is followed. */
  async tell(): Promise<void> {
    const { followed } = this;
    const told = this.#workers().map(({ channel }) =>
      channel.ask("followed", followed).catch(() => undefined),
    );
    await settledWithin(Promise.all(told), TELL_TIMEOUT_MS);
  }

  /** Sends lines to every worker with followers, that which made them included. */
  publish(stream: StreamName, lines: readonly string[]): void {
    if (lines.length === 0) return;
    const size = lines.reduce((sum, line) => sum + line.length, 0);
    for (const { follows, channel } of this.#workers()) {
      if (!follows.has(stream)) continue;
      const isLate = channel.unsentBytes > MAX_UNSENT_BYTES;
      channel.note("deliver", { stream, lines: isLate ? [] : lines, lost: isLate }, size);
    }
  }

  /** For what the primary itself logs. */
  relay(stream: StreamName): LogRelay {
    const isFollowed = (): boolean => this.followed[stream];
    return {
      get followed() {
        return isFollowed();
      },
      publish: (line) => this.publish(stream, [line]),
      follow: async () => undefined,
    };
  }
}
