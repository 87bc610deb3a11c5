/** A picture on the whole terminal, redrawn again and again, and the terminal as it was when it is over. */
import type { Input } from "../command.js";
import type { Output } from "../output.js";

/** Alternate screen, no cursor, no wrapping: what is too long must not push the lines below it down. */
const ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";
const LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l";
/** Between these a terminal that knows them shows nothing, then all at once. Others ignore them. */
const BEGIN_FRAME = "\x1b[?2026h";
const END_FRAME = "\x1b[?2026l";

/** ECMA-48: a sequence of a special key, a letter with Alt, or one character. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what the sequences begin with
const KEYS = /\x1b(?:[[O][0-?]*[ -/]*[@-~]|[ -NP-Z\\-~])|./gsu;

/** Who still runs so long after a request to stop was not stopped, or goes on already. */
const NOT_STOPPED_MS = 100;

export interface LiveScreenOptions {
  readonly output: Output;
  readonly stdin: Input;
  /** A key was pressed: one character, or the whole sequence of a special key. */
  readonly onKey: (key: string) => void;
  /** The picture must be drawn anew: the size has changed, or the terminal was given back. */
  readonly onRedraw: () => void;
}

export class LiveScreen {
  readonly #options: LiveScreenOptions;
  readonly #undo: (() => void)[] = [];
  #shown: readonly string[] = [];
  #entered = false;

  /** Takes the terminal over until {@link close}; whatever ends the process gives it back too. */
  constructor(options: LiveScreenOptions) {
    this.#options = options;
    const { output, stdin } = options;
    this.#undo.push(output.onResize(() => this.#repaint()));
    const onExit = (): void => this.#leave();
    process.on("exit", onExit);
    this.#undo.push(() => process.off("exit", onExit));
    const onContinue = (): void => this.#enter();
    process.on("SIGCONT", onContinue);
    this.#undo.push(() => process.off("SIGCONT", onContinue));
    // Nothing else handles it, and its default leaves the terminal as it is.
    const onQuit = (): void => {
      this.close();
      process.kill(process.pid, "SIGQUIT");
    };
    process.on("SIGQUIT", onQuit);
    this.#undo.push(() => process.off("SIGQUIT", onQuit));
    const onData = (chunk: Buffer | string): void => this.#read(chunk.toString("utf8"));
    if (stdin.isTTY === true) {
      stdin.on("data", onData);
      stdin.resume();
      this.#undo.push(() => {
        stdin.off("data", onData);
        stdin.pause();
      });
    }
    this.#enter();
  }

  /** Shows `lines`, of which those beyond the last row are left out. Writes only what has changed. */
  draw(lines: readonly string[]): void {
    if (!this.#entered) return;
    const { output } = this.#options;
    const { rows } = output.size;
    const next = Array.from({ length: rows }, (_, i) => lines[i] ?? "");
    const changes = next
      .map((line, i) => (line === this.#shown[i] ? "" : `\x1b[${i + 1};1H${line}\x1b[0m\x1b[K`))
      .join("");
    this.#shown = next;
    if (changes !== "") output.data(`${BEGIN_FRAME}${changes}${END_FRAME}`);
  }

  /** Gives the terminal back. Harmless when done twice. */
  close(): void {
    this.#leave();
    for (const undo of this.#undo.splice(0)) undo();
  }

  #enter(): void {
    this.#entered = true;
    this.#setRawMode(true);
    this.#options.output.data(ENTER);
    this.#repaint();
  }

  #leave(): void {
    if (!this.#entered) return;
    this.#entered = false;
    this.#setRawMode(false);
    this.#options.output.data(LEAVE);
  }

  #repaint(): void {
    if (!this.#entered) return;
    // A terminal that became smaller or larger has moved what was on it.
    this.#shown = [];
    this.#options.output.data("\x1b[2J");
    this.#options.onRedraw();
  }

  #read(text: string): void {
    // Keys that are pressed fast, or while the process is busy, come together.
    for (const [key] of text.matchAll(KEYS)) {
      // In raw mode the terminal makes no signals of these.
      if (key === "\x03") process.kill(process.pid, "SIGINT");
      else if (key === "\x1c") process.kill(process.pid, "SIGQUIT");
      else if (key === "\x1a") this.#suspend();
      else this.#options.onKey(key);
    }
  }

  #suspend(): void {
    if (process.platform === "win32") return;
    this.#leave();
    // To the whole group, as the terminal would: a shell waits for all of its processes. SIGCONT brings us back,
    // or, where no shell is there to stop us for, the timer.
    process.kill(0, "SIGTSTP");
    const timer = setTimeout(() => {
      if (!this.#entered) this.#enter();
    }, NOT_STOPPED_MS);
    this.#undo.push(() => clearTimeout(timer));
  }

  #setRawMode(mode: boolean): void {
    const { stdin } = this.#options;
    if (stdin.isTTY === true) stdin.setRawMode?.(mode);
  }
}
