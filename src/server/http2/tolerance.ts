/** What a client may do that brings nobody anything, before its connection is ended. */
import { ConnectionError, ErrorCode } from "./errors.js";
import * as limits from "./limits.js";
import { Patience } from "./patience.js";

export class Tolerance {
  readonly #resets: Patience;
  readonly #idleFrames: Patience;

  /** @param now - in milliseconds, monotonic */
  constructor(now: () => number) {
    this.#resets = new Patience(limits.RESET_BURST, limits.RESETS_PER_SECOND, now);
    this.#idleFrames = new Patience(limits.IDLE_FRAME_BURST, limits.IDLE_FRAMES_PER_SECOND, now);
  }

  /**
   * A stream was reset, by the client or because of it: either way work was begun, and the stream no longer counts
   * against the streams that a client may have at a time.
   * @throws ConnectionError when there were too many
   */
  reset(): void {
    if (!this.#resets.spend()) throw calm("too many streams reset");
  }

  /** A frame came that asks for nothing. @throws ConnectionError when there were too many */
  idle(what: string): void {
    if (!this.#idleFrames.spend()) throw calm(`too many ${what}`);
  }

  /** `bytes` of an answer were sent in a frame; `isShort` when a window made it shorter than is sensible. */
  answered(bytes: number, isShort: boolean): void {
    // Where it is too much, the window update that asks for the next one ends the connection.
    if (isShort) this.#idleFrames.spend();
    else this.#idleFrames.earn(limits.FRAMES_PER_ANSWER * Math.ceil(bytes / limits.ANSWER_UNIT_BYTES));
  }
}

function calm(message: string): ConnectionError {
  return new ConnectionError(ErrorCode.enhanceYourCalm, message);
}
