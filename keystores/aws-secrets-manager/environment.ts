/** What the adapter takes from the world around it, given as values so that tests own time and chance. */

export interface AwsEnvironment {
  /** Of proxies and `AWS_CA_BUNDLE`; the AWS SDK reads its own variables by itself. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Milliseconds that never go back. */
  now(): number;
  /** 0 ≤ n < 1. */
  random(): number;
  /** A UUID that nobody can guess or repeat. */
  randomId(): string;
  /** Rejects as soon as `signal` is aborted. */
  wait(ms: number, signal?: AbortSignal): Promise<void>;
  /** Of one attempt of a call: a connection that died without a word is noticed after this long. */
  readonly attemptTimeoutMs: number;
}
