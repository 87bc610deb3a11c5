/**
 * Console lines of the audit log for requests that come again and again: same client, same key. What stays the same in
 * their lines is made once.
 *
 * A line is made as octets, each character one byte of UTF-8, so that nothing has to be looked for that takes two.
 */
import { type AuditEvent, requestText } from "./events.js";
import type { LineTimes } from "./line-times.js";
import { goDuration } from "./logfmt.js";

/** What was made of the fields that stay the same. */
interface Known {
  readonly message: string;
  readonly method: string;
  readonly ip: string;
  readonly identity: string;
  /** Undefined where it has other characters than ASCII's. */
  readonly text: string | undefined;
}

/** Paths that are remembered, the last request's of each, and the longest of them and of their messages. */
const MAX_KNOWN = 1024;
const MAX_LENGTH = 256;
/** Ids are ours and plain; so is what stands in front of them. */
const ASCII = /^[\x20-\x7e]*$/;
/** `µs`, as octets. */
const MICROSECONDS = "\u00c2\u00b5s";

export class ConsoleLines {
  readonly #times: LineTimes;
  readonly #known = new Map<string, Known>();

  constructor(times: LineTimes) {
    this.#times = times;
  }

  /** What `toAuditText` makes of `event`, with its newline, as octets; undefined where that is to be asked. */
  octets(event: AuditEvent): string | undefined {
    if (event.trace !== undefined || event.path.length > MAX_LENGTH || event.message.length > MAX_LENGTH)
      return undefined;
    const { text } = this.#of(event);
    if (text === undefined) return undefined;
    const { timeMs, status, durationNs, requestId } = event;
    const time = goDuration(durationNs, MICROSECONDS);
    return `time=${this.#times.local(timeMs)}${text}${status} res.time=${time} req.id=${requestId}\n`;
  }

  #of(event: AuditEvent): Known {
    const { path, message, method, ip, identity } = event;
    const known = this.#known.get(path);
    if (
      known !== undefined &&
      known.message === message &&
      known.method === method &&
      known.identity === identity &&
      known.ip === ip
    ) {
      return known;
    }
    const made = { message, method, ip, identity, text: flat(requestText(event)) };
    if (known === undefined && this.#known.size >= MAX_KNOWN) {
      const [oldest] = this.#known.keys();
      if (oldest !== undefined) this.#known.delete(oldest);
    }
    this.#known.set(path, made);
    return made;
  }
}

/** V8 keeps a text that was put together as its parts, until somebody needs it whole, and then again. */
function flat(text: string): string | undefined {
  return ASCII.test(text) ? Buffer.from(text, "latin1").toString("latin1") : undefined;
}
