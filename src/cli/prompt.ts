/** Questions to whoever sits at the terminal: asked on standard error, so that standard output stays data. */
import { type CommandContext, CommandError } from "./command.js";
import { Interrupted } from "./interrupt.js";

/** Longest answer in characters. */
const MAX_ANSWER = 1024;

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
  output.prompt(question);
  // Raw: nothing is echoed, and Ctrl-C arrives as a character.
  stdin.setRawMode?.(true);
  try {
    return await readAnswer(stdin, (text) => {
      if (echo) output.prompt(text);
    });
  } finally {
    stdin.setRawMode?.(false);
    stdin.pause();
    output.prompt("\n");
  }
}

function readAnswer(stdin: NodeJS.ReadableStream, echo: (text: string) => void): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer: string[] = [];
    const stop = (): void => {
      stdin.off("data", onData);
      stdin.off("end", onEnd);
    };
    const onEnd = (): void => {
      stop();
      reject(new Interrupted(1));
    };
    const onData = (chunk: Buffer | string): void => {
      for (const char of chunk.toString("utf8")) {
        if (char === "\r" || char === "\n") {
          stop();
          resolve(answer.join(""));
          return;
        }
        // Ctrl-C, and Ctrl-D on an empty line.
        if (char === "\u0003" || (char === "\u0004" && answer.length === 0)) return onEnd();
        if (char === "\u007f" || char === "\b") {
          if (answer.length > 0) echo("\b \b");
          answer = answer.slice(0, -1);
        } else if (char === "\u0015") {
          echo("\b \b".repeat(answer.length));
          answer = [];
        } else if (char >= " " && answer.length < MAX_ANSWER) {
          answer.push(char);
          echo(char);
        }
      }
    };
    stdin.on("data", onData);
    stdin.once("end", onEnd);
    stdin.resume();
  });
}
