/** A terminal without a window: what a program writes becomes the screen that a person would see. */
import { PassThrough } from "node:stream";
import xterm from "@xterm/headless";
import type { CommandContext, Input } from "../../src/cli/command.js";
import { Output, type OutputStream } from "../../src/cli/output.js";

export class Screen implements OutputStream {
  readonly isTTY = true;
  /** Everything written, with its escape sequences. */
  bytes = "";
  readonly #terminal: xterm.Terminal;
  readonly #listeners = new Set<() => void>();

  constructor(columns: number, rows: number) {
    this.#terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true, scrollback: 0 });
  }

  get columns(): number {
    return this.#terminal.cols;
  }

  get rows(): number {
    return this.#terminal.rows;
  }

  write(text: string): void {
    this.bytes += text;
    // A terminal's driver, not the program, turns a line end into one with a carriage return.
    this.#terminal.write(text.replace(/\r?\n/g, "\r\n"));
  }

  on(_event: "resize", listener: () => void): void {
    this.#listeners.add(listener);
  }

  off(_event: "resize", listener: () => void): void {
    this.#listeners.delete(listener);
  }

  resize(columns: number, rows: number): void {
    this.#terminal.resize(columns, rows);
    for (const listener of this.#listeners) listener();
  }

  /** True while the alternate screen is shown. */
  async isAlternate(): Promise<boolean> {
    await this.#settled();
    return this.#terminal.buffer.active.type === "alternate";
  }

  /** True unless the program hid the cursor or switched wrapping off. */
  async isAsFound(): Promise<boolean> {
    const hidden = this.bytes.lastIndexOf("\x1b[?25l") > this.bytes.lastIndexOf("\x1b[?25h");
    await this.#settled();
    return !hidden && this.#terminal.modes.wraparoundMode && !(await this.isAlternate());
  }

  /** One text a row, blanks at its end left out. */
  async lines(): Promise<string[]> {
    await this.#settled();
    const buffer = this.#terminal.buffer.active;
    return Array.from({ length: this.rows }, (_, i) =>
      (buffer.getLine(buffer.baseY + i)?.translateToString(true) ?? "").trimEnd(),
    );
  }

  #settled(): Promise<void> {
    return new Promise((resolve) => this.#terminal.write("", resolve));
  }
}

/** A keyboard: what is written to it is typed. Remembers whether it is in raw mode. */
export class Keyboard extends PassThrough {
  readonly isTTY = true;
  isRaw = false;
  setRawMode(mode: boolean): void {
    this.isRaw = mode;
  }
}

export interface AtTerminal {
  readonly context: CommandContext;
  readonly screen: Screen;
  readonly keyboard: Keyboard;
}

/** A command's surroundings at a terminal of the given size. */
export function atTerminal(columns: number, rows: number): AtTerminal {
  const screen = new Screen(columns, rows);
  const keyboard = new Keyboard();
  const output = new Output(screen, screen, { colour: true });
  const stdin: Input = keyboard;
  return { screen, keyboard, context: { output, env: {}, cwd: process.cwd(), stdin } };
}
