/** What the adapter takes from the world around it, given as values so that tests own time and chance. */

export interface VaultEnvironment {
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Milliseconds that never go back. */
  now(): number;
  /** 0 ≤ n < 1. */
  random(): number;
  /** Calls `task` once after `ms`; the timer does not keep the process alive. @returns ends the timer */
  after(ms: number, task: () => void): () => void;
  readText(path: string): Promise<string>;
  /** Of one attempt of a call: a Vault that died without a word is noticed after this long. */
  readonly attemptTimeoutMs: number;
}
