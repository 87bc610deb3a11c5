/** What a look at a server or its set-up has found, and what to do about it. */

/** `warning`: works now, but hardly will for long. `error`: does not work. */
export type Level = "ok" | "warning" | "error";

export interface Finding {
  /** What was looked at, in a word or two. */
  readonly check: string;
  readonly level: Level;
  readonly message: string;
  /** What mends it, as exactly as can be said; absent where nothing is to be mended. */
  readonly remedy?: string;
}

export function ok(check: string, message: string): Finding {
  return { check, level: "ok", message };
}

export function warning(check: string, message: string, remedy: string): Finding {
  return { check, level: "warning", message, remedy };
}

export function error(check: string, message: string, remedy: string): Finding {
  return { check, level: "error", message, remedy };
}

const DAY_MS = 86_400_000;
/** From here on a certificate's end is a finding; the alert of `deploy/prometheus` says the same. */
const SOON_DAYS = 14;

/**
 * How long a certificate still holds.
 * @param what - begins the message, for example `the server's certificate`
 */
export function certificateEnd(
  check: string,
  what: string,
  notAfterMs: number,
  nowMs: number,
  remedy: string,
): Finding {
  const day = new Date(notAfterMs).toISOString().slice(0, 10);
  const days = Math.floor((notAfterMs - nowMs) / DAY_MS);
  if (notAfterMs <= nowMs) return error(check, `${what} ended on ${day}`, remedy);
  if (days >= SOON_DAYS) return ok(check, `${what} ends on ${day}, in ${days} days`);
  return warning(check, `${what} ends on ${day}, in ${days === 1 ? "1 day" : `${days} days`}`, remedy);
}

/** Files and sockets that a process should be allowed: connections of clients and of the keystore. */
export const WANTED_FILES = 4096;

export const FILE_LIMIT_REMEDY =
  "raise the limit of the server: LimitNOFILE=65536 in its systemd unit, 'ulimit -n 65536' before it in a shell, " +
  "or --ulimit nofile=65536 of its container";
