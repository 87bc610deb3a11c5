/** Ctrl-C and its like: a call ends at once, what it began is cleaned up, the exit code says that it was ended. */

/** The person or the system ended the command. Nothing is printed: whoever pressed the keys knows. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  readonly exitCode: number;
  constructor(exitCode: number) {
    super("interrupted");
    this.exitCode = exitCode;
  }
}

/** 1 for Ctrl-C as KES has it (reference §14.1), otherwise 128 and the number of the signal as shells have it. */
const EXIT_CODES = { SIGINT: 1, SIGTERM: 143, SIGHUP: 129 } as const;
type Ending = keyof typeof EXIT_CODES;

/** About as long as a timer of Node can run. */
const KEEP_ALIVE_MS = 2 ** 30;

/**
 * Runs `work` with a signal that is aborted by Ctrl-C, a termination or a closed terminal. A second Ctrl-C ends the
 * process without waiting for anything.
 * @throws Interrupted when `work` ended because of it; otherwise what `work` throws
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  let ending: Interrupted | undefined;
  const onSignal = (name: NodeJS.Signals): void => {
    const exitCode = EXIT_CODES[name as Ending];
    if (ending !== undefined) process.exit(exitCode);
    ending = new Interrupted(exitCode);
    controller.abort(ending);
  };
  const names = Object.keys(EXIT_CODES) as Ending[];
  for (const name of names) process.on(name, onSignal);
  // What work waits with may not hold the process, as timers of a keystore between two attempts do not.
  const alive = setInterval(() => {}, KEEP_ALIVE_MS);
  try {
    return await work(controller.signal);
  } catch (error) {
    // However the abort came back through the layers below, it was the person's wish and no failure.
    throw ending ?? error;
  } finally {
    clearInterval(alive);
    for (const name of names) process.off(name, onSignal);
  }
}
