/** Sends a log hub's lines to one client until it leaves (KES reference §3.22). */
import type { LogHub } from "../audit/hub.js";
import { KesError } from "../errors.js";
import type { Exchange, ReplyHeaders } from "./exchange.js";

/** Headers leave at once, so that the client knows it is connected before the first event. */
export function sendLog(exchange: Exchange, hub: LogHub, headers: ReplyHeaders): void {
  let write: ((line: string) => boolean) | undefined;
  let end: (() => void) | undefined;
  const leave = hub.subscribe({
    line: (line) => write?.(line) ?? true,
    end: () => end?.(),
  });
  if (leave === undefined) throw new KesError("OVERLOADED");
  const out = exchange.stream(200, { ...headers, "content-type": "application/x-ndjson" });
  write = (line) => out.write(line);
  end = () => out.end();
  out.onClose(leave);
}
