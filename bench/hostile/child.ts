/** A process of ours that answers one message at a time. */
import { fork } from "node:child_process";
import { once } from "node:events";

export interface Child {
  readonly pid: number;
  /** Sends `what` and resolves to the answer. @throws Error when the process ends first */
  ask<T>(what: unknown): Promise<T>;
  /** Kills it. */
  stop(): Promise<void>;
}

/** Starts a TypeScript file; `isReady` resolves with its first message, which it sends by itself. */
export function startChild(file: string, options: unknown = {}): { child: Child; first: Promise<unknown> } {
  const process_ = fork(file, [JSON.stringify(options)], { execArgv: ["--expose-gc", "--import", "tsx"] });
  const kill = (): boolean => process_.kill("SIGKILL");
  process.once("exit", kill);
  const message = (): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const onExit = (): void => reject(new Error(`${file} ended`));
      process_.once("exit", onExit);
      process_.once("message", (value) => {
        process_.off("exit", onExit);
        resolve(value);
      });
    });
  const child: Child = {
    pid: process_.pid ?? 0,
    async ask<T>(what: unknown) {
      const answer = message();
      process_.send(what as object);
      return (await answer) as T;
    },
    async stop() {
      process.off("exit", kill);
      if (process_.exitCode !== null || process_.signalCode !== null) return;
      const ended = once(process_, "exit");
      kill();
      await ended;
    },
  };
  return { child, first: message() };
}
