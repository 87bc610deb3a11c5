/** Watches the ends of certificates and warns 30, 7 and 1 days ahead, and once they have ended. */

import type { Config } from "../config/config.js";

/** A certificate to watch. */
export interface Watched {
  /** How the log names it, for example `policy.minio (client.crt)`. */
  readonly label: string;
  readonly notAfterMs: number;
  /** What to do about it: a client's identity is kept only with the same key. */
  readonly remedy: "renew it" | "renew it with the same key";
}

/** The certificates of a server. @param notAfterMs - end of its own one */
export function watchedOf(config: Config, notAfterMs: number): readonly Watched[] {
  return [
    {
      label: `this server (${config.tls.certFile || "development mode"})`,
      notAfterMs,
      remedy: "renew it",
    },
    ...config.certificates.map(({ use, file, notAfterMs: end }) => ({
      label: `${use} (${file})`,
      notAfterMs: end,
      remedy: "renew it with the same key" as const,
    })),
  ];
}

const DAY_MS = 86_400_000;
const THRESHOLD_DAYS = [0, 1, 7, 30] as const;
const INTERVAL_MS = 3_600_000;

/** Looks once at the start, after each change and every hour; each threshold is reported once. */
export class ExpiryWatch {
  readonly #warn: (message: string) => void;
  readonly #now: () => number;
  readonly #reported = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;
  #watched: readonly Watched[] = [];

  constructor(warn: (message: string) => void, now: () => number = Date.now) {
    this.#warn = warn;
    this.#now = now;
    this.#timer = setInterval(() => this.check(), INTERVAL_MS);
    this.#timer.unref();
  }

  /** Replaces what is watched. */
  watch(certificates: readonly Watched[]): void {
    this.#watched = certificates;
    this.check();
  }

  check(): void {
    const now = this.#now();
    for (const { label, notAfterMs, remedy } of this.#watched) {
      const days = (notAfterMs - now) / DAY_MS;
      const threshold = THRESHOLD_DAYS.find((limit) => days <= limit);
      const key = `${label} ${notAfterMs}`;
      if (threshold === undefined || (this.#reported.get(key) ?? Number.POSITIVE_INFINITY) <= threshold)
        continue;
      this.#reported.set(key, threshold);
      const date = new Date(notAfterMs).toISOString();
      if (days <= 0) this.#warn(`the certificate of ${label} has ended on ${date}: ${remedy}`);
      else this.#warn(`the certificate of ${label} ends on ${date}, in ${shown(days)}: ${remedy}`);
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

function shown(days: number): string {
  return days < 1 ? "less than a day" : days < 2 ? "1 day" : `${Math.floor(days)} days`;
}
