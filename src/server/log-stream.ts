/** Sends a log hub's lines to one client until it leaves (KES reference §3.22). */
import { toErrorLine } from "../audit/events.js";
import type { LogHub } from "../audit/hub.js";
import { KesError } from "../errors.js";
import type { Exchange, ReplyHeaders, StreamWriter } from "./exchange.js";
import { MAX_STREAM_BACKLOG } from "./limits.js";

/**
 * Headers leave at once, so that the client knows it is connected before the first event. A client that is too slow
 * is told so in a last line `{"message":"…"}`, because a gap that nobody notices is worse than an end.
 *
 * @param timeoutMs - the stream ends after this; 0 for never
 * @throws KesError `OVERLOADED` when there are too many streams
 */
export function sendLog(exchange: Exchange, hub: LogHub, headers: ReplyHeaders, timeoutMs: number): void {
  let out: StreamWriter | undefined;
  let isOver = false;
  let last: string | undefined;
  // The event of this very stream is among them, for it is recorded before other processes have answered.
  let waiting = "";
  const leave = hub.subscribe({
    line(line) {
      if (out !== undefined) return out.write(line);
      if (waiting.length + line.length > MAX_STREAM_BACKLOG) return false;
      waiting += line;
      return true;
    },
    end(note) {
      isOver = true;
      last = note === undefined ? undefined : toErrorLine(note);
      out?.end(last);
    },
  });
  if (leave === undefined) throw new KesError("OVERLOADED");
  const begin = (): void => {
    try {
      out = exchange.stream(200, { ...headers, "content-type": "application/x-ndjson" });
    } catch (error) {
      // The client left before it was answered.
      leave();
      throw error;
    }
    const { write, end, onClose } = out;
    if (waiting !== "") write(waiting);
    waiting = "";
    if (isOver) return end(last);
    const expire = (): void => {
      leave();
      end();
    };
    const timer = timeoutMs > 0 ? setTimeout(expire, timeoutMs).unref() : undefined;
    onClose(() => {
      clearTimeout(timer);
      leave();
    });
  };
  const { reached } = hub;
  if (reached === undefined) return begin();
  // Nobody waits for this promise: a client that left has been dropped from the hub, which is all there is to do.
  reached.then(begin).catch(() => leave());
}
