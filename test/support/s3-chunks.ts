/** Bodies in S3's own chunks, signed by the published algorithm. */
import { createHash, createHmac } from "node:crypto";
import {
  EMPTY_SHA256,
  type S3Endpoint,
  type S3Login,
  type SignedHead,
  signedHead,
  signingKey,
} from "./s3-client.js";

export interface ChunkedAsk {
  readonly chunks: readonly (string | Uint8Array)[];
  /** Headers besides those of the framing; names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly isSigned?: boolean;
  /** Name and value; announced in `x-amz-trailer`. */
  readonly trailer?: readonly [name: string, value: string];
  /** Announced instead of the chunks' own length. */
  readonly decodedLength?: number;
  /** Alters the frames before they are put together; the last one ends the body. */
  readonly alter?: (frames: string[]) => string[];
}

/** A signed PUT whose body is framed. Frames are latin1 text, one character a byte. */
export function chunkedPut(
  endpoint: S3Endpoint,
  login: S3Login,
  target: string,
  ask: ChunkedAsk,
): SignedHead {
  const { chunks, isSigned = true, trailer } = ask;
  const payloadHash = isSigned
    ? `STREAMING-AWS4-HMAC-SHA256-PAYLOAD${trailer === undefined ? "" : "-TRAILER"}`
    : "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
  const bytes = chunks.map((chunk) => Buffer.from(chunk));
  const decoded = bytes.reduce((sum, chunk) => sum + chunk.length, 0);
  const head = signedHead(endpoint, login, "PUT", target, {
    headers: {
      ...ask.headers,
      "content-encoding": "aws-chunked",
      "x-amz-decoded-content-length": String(ask.decodedLength ?? decoded),
      ...(trailer === undefined ? {} : { "x-amz-trailer": trailer[0] }),
    },
    payloadHash,
  });
  const frames = isSigned ? signedFrames(head, login, bytes, trailer) : plainFrames(bytes, trailer);
  const body = Buffer.from((ask.alter?.(frames) ?? frames).join(""), "latin1");
  return { ...head, body, headers: { ...head.headers, "content-length": String(body.length) } };
}

function plainFrames(chunks: readonly Buffer[], trailer: ChunkedAsk["trailer"]): string[] {
  const data = chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk.toString("latin1")}\r\n`);
  return [...data, `0\r\n${trailer === undefined ? "" : `${trailer.join(":")}\r\n`}\r\n`];
}

function signedFrames(
  { headers }: SignedHead,
  login: S3Login,
  chunks: readonly Buffer[],
  trailer: ChunkedAsk["trailer"],
): string[] {
  const time = headers["x-amz-date"] ?? "";
  const date = time.slice(0, 8);
  const key = signingKey(login.password, date);
  const scope = `${date}/us-east-1/s3/aws4_request`;
  let previous = /Signature=([0-9a-f]+)$/.exec(headers.authorization ?? "")?.[1] ?? "";
  const sign = (kind: "PAYLOAD" | "TRAILER", ...hashes: string[]): string => {
    const text = [`AWS4-HMAC-SHA256-${kind}`, time, scope, previous, ...hashes].join("\n");
    previous = createHmac("sha256", key).update(text).digest("hex");
    return previous;
  };
  const frames = [...chunks, Buffer.alloc(0)].map((chunk) => {
    const signature = sign("PAYLOAD", EMPTY_SHA256, sha256(chunk));
    const line = `${chunk.length.toString(16)};chunk-signature=${signature}\r\n`;
    return chunk.length === 0 ? line : `${line}${chunk.toString("latin1")}\r\n`;
  });
  const last = frames.pop() ?? "";
  if (trailer === undefined) return [...frames, `${last}\r\n`];
  const text = `${trailer.join(":")}\n`;
  const signature = sign("TRAILER", sha256(Buffer.from(text)));
  return [...frames, `${last}${trailer.join(":")}\r\nx-amz-trailer-signature:${signature}\r\n\r\n`];
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
