/** Questions to whoever sits at the terminal: asked on standard error, so that standard output stays data. */
import type { Readable } from "node:stream";
import { AnswerLine } from "./answer-line.js";
import { type CommandContext, CommandError } from "./command.js";
import { Interrupted, interruptible } from "./interrupt.js";

/**
 * Asks for a password and shows nothing of it.
 * @param instead - how to give it without a terminal, for the error
 * @throws CommandError without a terminal
 */
export function askPassword(context: CommandContext, question: string, instead: string): Promise<string> {
  return ask(context, question, { echo: false, instead });
}

/** True for `y` and `yes`, in any case. @throws CommandError without a terminal */
export async function confirm(context: CommandContext, question: string, instead: string): Promise<boolean> {
  const answer = await ask(context, `${question} [y/N] `, { echo: true, instead });
  return /^y(?:es)?$/i.test(answer.trim());
}

async function ask(
  { stdin, output }: CommandContext,
  question: string,
  { echo, instead }: { readonly echo: boolean; readonly instead: string },
): Promise<string> {
  if (stdin.isTTY !== true) {
    throw new CommandError(`cannot ask "${question.trim()}": standard input is not a terminal`, {
      hints: [instead],
    });
  }
  // Raw: nothing is echoed, and Ctrl-C arrives as a character. Before the question, for some answer at once.
  stdin.setRawMode?.(true);
  output.prompt(question);
  try {
    // A signal must not end the process while the terminal is raw: the shell would be left without echo.
    return await interruptible((signal) =>
      readAnswer(stdin, echo ? (text) => output.prompt(text) : () => {}, signal),
    );
  } finally {
    stdin.setRawMode?.(false);
    stdin.pause();
    output.prompt("\n");
  }
}

function readAnswer(stdin: Readable, echo: (text: string) => void, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const line = new AnswerLine(echo);
    const settle = (settled: () => void): void => {
      stdin.off("data", onData);
      stdin.off("end", onEnd);
      signal.removeEventListener("abort", onAbort);
      settled();
    };
    const onEnd = (): void => settle(() => reject(new Interrupted(1)));
    const onAbort = (): void => settle(() => reject(signal.reason));
    const onData = (chunk: Buffer | string): void => {
      const { outcome, rest } = line.feed(Buffer.from(chunk));
      if (outcome === undefined) return;
      stdin.pause();
      // What was typed ahead answers the next question.
      if (rest.length > 0) stdin.unshift(rest);
      if (outcome === "given") settle(() => resolve(line.text));
      else onEnd();
    };
    stdin.on("data", onData);
    stdin.once("end", onEnd);
    signal.addEventListener("abort", onAbort, { once: true });
    stdin.resume();
  });
}
