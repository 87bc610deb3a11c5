/** Bodies of uploads as the front end hands them on, without a request. */
import { Readable } from "node:stream";
import type { UploadBody } from "../../src/storage/objects/object-service.js";
import { openBody, planBody } from "../../src/storage/s3/body.js";
import { RequestHeaders } from "../../src/storage/s3/request-headers.js";

const MAX_BYTES = 5 * 1024 ** 4;
const unused = {
  signingKey: Buffer.alloc(32),
  scope: { dateTime: "20130524T000000Z", date: "20130524", region: "r", text: "20130524/r/s3/aws4_request" },
  seed: "0".repeat(64),
};

export interface TestBody extends UploadBody {
  readonly isOpened: boolean;
}

/** @param headers - `content-md5`, `x-amz-checksum-crc32` and the like */
export function uploadBody(
  content: Buffer | (() => AsyncIterable<Buffer>),
  headers: Readonly<Record<string, string>> = {},
  length = Buffer.isBuffer(content) ? content.length : 0,
): TestBody {
  const pairs = Object.entries({ "content-length": String(length), ...headers }).flat();
  const plan = planBody(
    new RequestHeaders(pairs),
    { payload: { kind: "unsigned" }, chain: unused },
    { maxBytes: MAX_BYTES, needsLength: true },
  );
  let isOpened = false;
  return {
    plan,
    get isOpened() {
      return isOpened;
    },
    open(wishes) {
      isOpened = true;
      const source = Readable.from(Buffer.isBuffer(content) ? piecesOf(content) : content(), {
        objectMode: false,
      });
      return openBody(source, plan, MAX_BYTES, wishes);
    },
  };
}

function* piecesOf(content: Buffer): Generator<Buffer> {
  for (let at = 0; at < content.length; at += 70_001) yield content.subarray(at, at + 70_001);
}
