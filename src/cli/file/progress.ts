/** One line on a terminal that shows how far a long work has come. */

/** Where the line is drawn. */
export interface ProgressScreen {
  readonly isStderrTerminal: boolean;
  readonly size: { readonly columns: number };
  prompt(text: string): void;
}

export interface ProgressOptions {
  /** `encrypting`. */
  readonly label: string;
  /** In bytes; without it there is neither bar nor rest. */
  readonly total?: number | undefined;
  readonly screen: ProgressScreen;
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number;
}

/** What is done sooner needs no bar. */
const SHOW_AFTER_MS = 500;
const DRAW_EVERY_MS = 100;
/** Over which the rate is taken: long enough to be calm, short enough to be true. */
const RATE_WINDOW_MS = 5_000;
/** The longest line is then 79 columns wide. */
const BAR_WIDTH = 10;
const CLEAR_LINE = "\r\x1b[K";

export class Progress {
  readonly #options: ProgressOptions;
  readonly #startedMs: number;
  #drawnMs: number;
  #isShown = false;
  #bytes = 0;
  /** Earlier counts, oldest first, for the rate. */
  #marks: { readonly ms: number; readonly bytes: number }[];

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#startedMs = options.now();
    this.#drawnMs = this.#startedMs;
    this.#marks = [{ ms: this.#startedMs, bytes: 0 }];
  }

  /** Counts `bytes` more. Draws nothing when standard error is no terminal. */
  add(bytes: number): void {
    this.#bytes += bytes;
    const { screen, now } = this.#options;
    const ms = now();
    if (!screen.isStderrTerminal || ms - this.#startedMs < SHOW_AFTER_MS) return;
    if (this.#isShown && ms - this.#drawnMs < DRAW_EVERY_MS) return;
    this.#drawnMs = ms;
    this.#isShown = true;
    screen.prompt(`${CLEAR_LINE}${this.#line(ms).slice(0, screen.size.columns - 1)}`);
  }

  /** Takes the line away. */
  end(): void {
    if (this.#isShown) this.#options.screen.prompt(CLEAR_LINE);
    this.#isShown = false;
  }

  #line(ms: number): string {
    const { label, total } = this.#options;
    const rate = this.#rate(ms);
    const speed = `${formatBytes(rate)}/s`.padStart(11);
    if (total === undefined) return `${label}  ${formatBytes(this.#bytes)}  ${speed}`;
    // A file that grows while it is read must not show more than everything.
    const part = total === 0 ? 1 : Math.min(1, this.#bytes / total);
    const filled = Math.floor(part * BAR_WIDTH);
    const bar = `[${"#".repeat(filled)}${".".repeat(BAR_WIDTH - filled)}]`;
    const percent = `${Math.floor(part * 100)}%`.padStart(4);
    const left = rate > 0 ? `  ${formatSeconds(Math.max(0, total - this.#bytes) / rate)} left` : "";
    return `${label} ${bar} ${percent}  ${formatBytes(this.#bytes)} of ${formatBytes(total)}  ${speed}${left}`;
  }

  /** Bytes per second over the last {@link RATE_WINDOW_MS}. */
  #rate(ms: number): number {
    this.#marks.push({ ms, bytes: this.#bytes });
    while ((this.#marks[1]?.ms ?? ms) < ms - RATE_WINDOW_MS) this.#marks.shift();
    const since = this.#marks[0];
    return since === undefined || ms <= since.ms ? 0 : ((this.#bytes - since.bytes) * 1000) / (ms - since.ms);
  }
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** `0 B`, `1.5 GiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** `7s`, `2m05s`, `1h02m`. */
export function formatSeconds(seconds: number): string {
  const whole = Math.ceil(seconds);
  const two = (number: number): string => String(number).padStart(2, "0");
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m${two(whole % 60)}s`;
  return `${Math.floor(whole / 3600)}h${two(Math.floor((whole % 3600) / 60))}m`;
}
