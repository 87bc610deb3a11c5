/** One call to Vault as the adapter means it: repeated where that is safe, with the token of the log-in. */
import { KesError } from "../../src/errors.js";
import { unreached } from "../../src/keystore/faults.js";
import { isDoubtful, isPassing, type VaultAnswer } from "./answer.js";
import type { VaultEnvironment } from "./environment.js";
import { type VaultHttp, VaultNetworkError, type VaultRequest } from "./http.js";

/** Attempts of a call that may be repeated. */
const MAX_ATTEMPTS = 3;
const FIRST_WAIT_MS = 100;

export type Repeatable = Omit<VaultRequest, "timeoutMs">;

export interface CallLimits {
  /** Default {@link MAX_ATTEMPTS}. */
  readonly attempts?: number;
}

/**
 * Sends a request that does no harm when Vault sees it twice, up to three times.
 * @returns the last answer, whatever its status
 * @throws VaultNetworkError of the last attempt; the signal's reason
 */
export async function sendRepeatedly(
  http: VaultHttp,
  env: VaultEnvironment,
  request: Repeatable,
  { attempts = MAX_ATTEMPTS }: CallLimits = {},
): Promise<VaultAnswer> {
  let wasSent = false;
  for (let attempt = 1; ; attempt++) {
    try {
      const answer = await http.send({ ...request, timeoutMs: env.attemptTimeoutMs });
      if (attempt >= attempts || !isPassing(answer)) return answer;
      wasSent ||= isDoubtful(answer);
    } catch (error) {
      if (!(error instanceof VaultNetworkError)) throw error;
      if (attempt >= attempts) throw wasSent ? new VaultNetworkError(error.message, true, error) : error;
      wasSent ||= error.sent;
    }
    await pause(env, attempt, request.signal);
  }
}

/** Waits after the attempt of that number, from 1. @throws the signal's reason when it is aborted meanwhile */
export function pause(env: VaultEnvironment, attempt: number, signal?: AbortSignal): Promise<void> {
  return wait(env, FIRST_WAIT_MS * 2 ** (attempt - 1) * (0.5 + env.random()), signal);
}

function wait(env: VaultEnvironment, ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const stop = env.after(ms, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    const onAbort = (): void => {
      stop();
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** A failure of the network as failure of a keystore after which nothing has changed. */
export function networkFault(error: unknown): KesError {
  if (!(error instanceof Error)) return unreached("vault: the call failed", error);
  return new KesError("KEYSTORE_UNREACHABLE", [], { cause: error });
}
