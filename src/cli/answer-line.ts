/** What keys a person presses on a terminal in raw mode make of one line. */
import { StringDecoder } from "node:string_decoder";

/** Longest answer in characters; what is typed beyond is dropped. */
const MAX_ANSWER = 1024;

/** Of those above 127, which UTF-8 can encode. */
const CONTROL = /\p{Cc}/u;

const [CTRL_C, CTRL_D, BACKSPACE, LINE_FEED, RETURN, CTRL_U, ESCAPE, DELETE] = [3, 4, 8, 10, 13, 21, 27, 127];

export class AnswerLine {
  readonly #echo: (text: string) => void;
  readonly #decoder = new StringDecoder("utf8");
  #answer: string[] = [];
  /** Inside the characters of a key that has no letter (arrows, Home): `ESC`, or `ESC [` and what follows. */
  #escape: "no" | "begun" | "sequence" = "no";

  /** @param echo - gets what the terminal shall show */
  constructor(echo: (text: string) => void) {
    this.#echo = echo;
  }

  get text(): string {
    return this.#answer.join("");
  }

  /**
   * Takes what the terminal sent, up to the end of the line.
   * @returns `given` at the end of the line, `ended` at Ctrl-C or at Ctrl-D on an empty line, with what stands behind it
   */
  feed(chunk: Buffer): { readonly outcome?: "given" | "ended"; readonly rest: Buffer } {
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i] ?? 0;
      // Below 128 a byte is a character of its own in UTF-8; the decoder keeps the others until they are whole.
      if (byte === RETURN || byte === LINE_FEED) {
        const isPair = byte === RETURN && chunk[i + 1] === LINE_FEED;
        return { outcome: "given", rest: chunk.subarray(i + (isPair ? 2 : 1)) };
      }
      if (byte === CTRL_C || (byte === CTRL_D && this.#answer.length === 0)) {
        return { outcome: "ended", rest: chunk.subarray(i + 1) };
      }
      this.#press(byte);
    }
    return { rest: Buffer.alloc(0) };
  }

  #press(byte: number): void {
    if (this.#escape !== "no") {
      // ECMA-48: a sequence ends with a byte of 0x40 to 0x7e; without `[` or `O` it is one byte long.
      const opens = this.#escape === "begun" && (byte === 0x5b || byte === 0x4f);
      this.#escape =
        opens || (this.#escape === "sequence" && (byte < 0x40 || byte > 0x7e)) ? "sequence" : "no";
    } else if (byte === ESCAPE) this.#escape = "begun";
    else if (byte === DELETE || byte === BACKSPACE) this.#erase(1);
    else if (byte === CTRL_U) this.#erase(this.#answer.length);
    else if (byte >= 0x20) {
      for (const char of this.#decoder.write(Buffer.of(byte))) {
        if (this.#answer.length >= MAX_ANSWER || CONTROL.test(char)) continue;
        this.#answer.push(char);
        this.#echo(char);
      }
    }
  }

  #erase(count: number): void {
    const erased = this.#answer.splice(Math.max(this.#answer.length - count, 0));
    this.#echo("\b \b".repeat(erased.length));
  }
}
