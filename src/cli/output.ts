/** Where a command writes: data to standard output, everything else to standard error. */

import { printableLines } from "./terminal/text.js";

/** The part of a stream that is used here. */
export interface OutputStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  /** Of a terminal. */
  readonly columns?: number;
  readonly rows?: number;
  on?(event: "resize", listener: () => void): unknown;
  off?(event: "resize", listener: () => void): unknown;
}

export class Output {
  readonly #stdout: OutputStream;
  readonly #stderr: OutputStream;
  readonly #colour: boolean;
  readonly #colourOut: boolean;
  readonly #program: string;
  #outlivesReader = false;
  #usageIsData = false;

  /** @param options - `colour`: whether notes and errors may be coloured on a terminal; `program`: stands before notes */
  constructor(
    stdout: OutputStream,
    stderr: OutputStream,
    options: { readonly colour: boolean; readonly program?: string },
  ) {
    this.#stdout = stdout;
    this.#stderr = stderr;
    this.#colour = options.colour && stderr.isTTY === true;
    this.#program = options.program ?? "kes";
    this.#colourOut = options.colour && stdout.isTTY === true;
  }

  /**
   * Whether people read what is printed: of standard output alone. KES asks of either stream, so that its output
   * in a pipe changes with who watches the errors.
   */
  get isStdoutTerminal(): boolean {
    return this.#stdout.isTTY === true;
  }

  get isStderrTerminal(): boolean {
    return this.#stderr.isTTY === true;
  }

  /** Whether data may be coloured when nobody says otherwise. */
  get hasColour(): boolean {
    return this.#colourOut;
  }

  /** Size of the terminal; 80 × 24 where there is none. */
  get size(): { readonly columns: number; readonly rows: number } {
    const { columns, rows } = this.#stdout.isTTY === true ? this.#stdout : this.#stderr;
    // A pseudo-terminal that nobody gave a size (containers, CI) says 0 × 0.
    return { columns: columns || 80, rows: rows || 24 };
  }

  /** Calls `listener` whenever {@link size} has changed. @returns how to stop that */
  onResize(listener: () => void): () => void {
    this.#stdout.on?.("resize", listener);
    return () => this.#stdout.off?.("resize", listener);
  }

  /** True for a command whose work goes on when nobody reads what it prints. */
  get outlivesReader(): boolean {
    return this.#outlivesReader;
  }

  /** From now on a reader that closes its end of a pipe does not end the command. */
  outliveReader(): void {
    this.#outlivesReader = true;
  }

  /** Writes `text` to standard output as it is, without a line end of its own. */
  data(text: string): void {
    this.#stdout.write(text);
  }

  /** One note for whoever is watching: `kes: …` on standard error. What a terminal would act on is spelt out. */
  note(text: string): void {
    this.#stderr.write(`${this.#program}: ${printableLines(text)}\n`);
  }

  /** `Error: …` on standard error, the word in KES's red (#ac0000) on a terminal; else as {@link note}. */
  error(text: string): void {
    const label = this.#colour ? "\x1b[38;2;172;0;0mError:\x1b[0m" : "Error:";
    this.#stderr.write(`${label} ${printableLines(text)}\n`);
  }

  /** Text for whoever sits at the terminal, without a line end of its own: questions, progress. */
  prompt(text: string): void {
    this.#stderr.write(text);
  }

  /** From now on usage text is what was asked for, and goes to standard output. */
  takeUsageAsData(): void {
    this.#usageIsData = true;
  }

  /** Usage text, to standard error as KES does. */
  usage(text: string): void {
    if (this.#usageIsData) this.data(text);
    else this.#stderr.write(text);
  }
}
