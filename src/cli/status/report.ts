/** What one server tells of itself, or why it tells nothing. */
import type { ApiInfo, ServerStatus } from "../../client/types.js";
import { isKesError } from "../../errors.js";
import { CommandError } from "../command.js";
import type { Target } from "../remote/each-server.js";

/** Why a server did not answer, in words, and what to do about it. */
export type Failure = Pick<CommandError, "message" | "hints">;

export interface ServerReport {
  /** `host:port`. */
  readonly server: string;
  readonly status?: ServerStatus;
  /** Round trip of a request that the server answers without its keystore. */
  readonly latencyMs?: number;
  readonly apis?: readonly ApiInfo[];
  /** Of the first question that was not answered; those after it were not asked. */
  readonly failure?: Failure;
  /** The failure is the server's own answer: it is there, and refuses. */
  readonly answered?: boolean;
}

/** @throws the signal's reason when it is aborted; what is no failure of the server */
export async function reportOf(
  target: Target,
  questions: { readonly status: boolean; readonly apis: boolean },
  signal: AbortSignal,
): Promise<ServerReport> {
  const { name: server, client } = target;
  let path = "/v1/status";
  let answers: Partial<ServerReport> = {};
  try {
    if (questions.status) {
      const status = await client.status({ signal });
      answers = { status, latencyMs: await roundTripMs(target, signal, status.latencyMs) };
    }
    if (questions.apis) {
      path = "/v1/api";
      answers = { ...answers, apis: await client.apis({ signal }) };
    }
    return { server, ...answers };
  } catch (error) {
    signal.throwIfAborted();
    const failure = await target.explain(error, { path });
    if (!(failure instanceof CommandError)) throw failure;
    // Status 0 is the client's own: nobody answered.
    return { server, ...answers, failure, answered: isKesError(error) && error.status > 0 };
  }
}

/** The first request opens the connection and waits for the keystore; a second one shows what the way itself takes. */
async function roundTripMs({ client }: Target, signal: AbortSignal, firstMs: number): Promise<number> {
  const startedMs = performance.now();
  try {
    await client.version({ signal });
    return Math.min(firstMs, performance.now() - startedMs);
  } catch {
    signal.throwIfAborted();
    // Nobody asked for it; the status itself was answered.
    return firstMs;
  }
}
