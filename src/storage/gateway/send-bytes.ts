/** Content on its way to the back end. */
import { Readable } from "node:stream";

/**
 * Runs a call that sends `bytes`. When they fail the call is aborted, for the client library would wait for an answer
 * that never comes; what is thrown is why they failed.
 *
 * @param work - gets the body, and the signal to heed in the place of `signal`
 */
export async function sendBytes<T>(
  bytes: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
  work: (body: Readable, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const abort = (): void => controller.abort(signal?.reason);
  if (signal?.aborted) abort();
  signal?.addEventListener("abort", abort, { once: true });
  let failure: { readonly error: unknown } | undefined;
  async function* watched(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* bytes;
    } catch (error) {
      failure = { error };
      controller.abort(error);
      throw error;
    }
  }
  // Its failure is told below: nobody may listen any more when the stream says it.
  const body = Readable.from(watched(), { objectMode: false }).on("error", () => undefined);
  try {
    return await work(body, controller.signal);
  } catch (error) {
    throw failure === undefined ? error : failure.error;
  } finally {
    signal?.removeEventListener("abort", abort);
    body.destroy();
  }
}
