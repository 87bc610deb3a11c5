/** Content that is taken in, and what is known of it when it has ended. */
import { createHash } from "node:crypto";
import type { BodyResults, BodyWishes, S3Body } from "../s3/body.js";
import { createChecksum } from "../s3/checksums.js";
import { s3Error } from "../s3/errors.js";

export interface MeasuredContent {
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Once the bytes have ended well. @throws S3Error `INTERNAL` before */
  results(): BodyResults;
}

/** The body of a request, which measures itself. */
export function bodyContent(body: S3Body): MeasuredContent {
  return { bytes: body, results: () => body.results };
}

/** Content of another object. */
export function measured(
  source: AsyncIterable<Uint8Array>,
  { md5: wantsMd5 = false, checksum: algorithm }: BodyWishes,
): MeasuredContent {
  let results: BodyResults | undefined;
  async function* pass(): AsyncGenerator<Uint8Array, void, undefined> {
    const md5 = wantsMd5 ? createHash("md5") : undefined;
    const checksum = algorithm === undefined ? undefined : createChecksum(algorithm);
    let size = 0;
    for await (const chunk of source) {
      size += chunk.length;
      md5?.update(chunk);
      checksum?.update(chunk);
      yield chunk;
    }
    const value = await checksum?.digest();
    results = {
      size,
      md5: md5?.digest(),
      checksum: algorithm === undefined || value === undefined ? undefined : { algorithm, value },
    };
  }
  return {
    bytes: pass(),
    results() {
      if (results === undefined) throw s3Error("INTERNAL", { cause: new Error("content has not ended") });
      return results;
    },
  };
}
