/** Sends a log hub's lines to one client until it leaves (KES reference §3.22). */
import { toErrorLine } from "../audit/events.js";
import type { LogHub } from "../audit/hub.js";
import { KesError } from "../errors.js";
import type { Exchange, ReplyHeaders, StreamWriter } from "./exchange.js";

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
  const leave = hub.subscribe({
    line: (line) => out?.write(line) ?? true,
    end(note) {
      isOver = true;
      out?.end(note === undefined ? undefined : toErrorLine(note));
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
    if (isOver) return out.end();
    const { end, onClose } = out;
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
