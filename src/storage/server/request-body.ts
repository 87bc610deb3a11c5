/** The body of one request: planned, let come, held to its promises, given up when nothing comes any more. */
import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import type { UploadBody } from "../objects/object-service.js";
import {
  type BodyPlan,
  type BodyWishes,
  collectBody,
  openBody,
  planBody,
  requireDigest,
  type S3Body,
} from "../s3/body.js";
import { s3Error } from "../s3/errors.js";
import { readForm, type UploadForm } from "../s3/form.js";
import type { RequestHeaders } from "../s3/request-headers.js";
import type { ChunkMemory } from "../s3/signature/chunk-memory.js";
import type { Payload } from "../s3/signature/payload.js";
import type { SignatureChain } from "../s3/signature/verify.js";

const GIB = 1024 ** 3;

/** Largest content of an object that comes in one piece; MinIO's bound. */
export const MAX_OBJECT_BYTES = 5 * 1024 * GIB;
/** Largest part. */
export const MAX_PART_BYTES = 5 * GIB;

export interface RequestBodyParts {
  readonly request: IncomingMessage;
  readonly headers: RequestHeaders;
  /** What the signature says of the body. */
  readonly verified: { readonly payload: Payload; readonly chain: SignatureChain };
  readonly chunkMemory: ChunkMemory;
  /** Lets a client go on that waits for `100 Continue`. Called once, when a byte of the body is needed. */
  readonly proceed: () => void;
  /** Told of every piece that comes. */
  readonly received: (bytes: number) => void;
}

export class RequestBody {
  readonly #parts: RequestBodyParts;
  #open: Readable | undefined;
  #isLetIn = false;

  constructor(parts: RequestBodyParts) {
    this.#parts = parts;
  }

  /** @throws S3Error as `planBody` */
  upload(maxBytes: number): UploadBody {
    const plan = this.#plan(maxBytes, true, this.#parts.headers);
    return { plan, open: (wishes) => this.#openWith(plan, maxBytes, wishes) };
  }

  /**
   * A small body, whole.
   * @param options - `headers`: what is said of the body where it is not in the headers as they came
   * @throws S3Error as `planBody` and `openBody`, `DIGEST_MISSING`, `BODY_TOO_LARGE`
   */
  async document(
    maxBytes: number,
    options: { readonly needsDigest?: boolean; readonly headers?: RequestHeaders } = {},
  ): Promise<Buffer> {
    const plan = this.#plan(Number.MAX_SAFE_INTEGER, false, options.headers ?? this.#parts.headers);
    if (options.needsDigest === true) requireDigest(plan);
    if ((plan.length ?? 0) > maxBytes) throw s3Error("BODY_TOO_LARGE");
    return collectBody(this.#openWith(plan, Number.MAX_SAFE_INTEGER), maxBytes);
  }

  /** A form up to its file. @throws S3Error as `readForm`; `BODY_TIMEOUT` when that takes too long */
  async form(timeoutMs: number): Promise<UploadForm> {
    const { request, headers } = this.#parts;
    this.#letIn();
    const form = readForm(request, headers.get("content-type") ?? "", AbortSignal.timeout(timeoutMs));
    this.#count();
    const read = await form;
    this.#open = read.file;
    return read;
  }

  /** Nothing has come for too long: whoever reads fails. @returns false when nobody reads */
  giveUp(): boolean {
    if (this.#open === undefined || this.#open.readableEnded || this.#open.destroyed) return false;
    this.#open.destroy(s3Error("BODY_TIMEOUT"));
    return true;
  }

  #plan(maxBytes: number, needsLength: boolean, headers: RequestHeaders): BodyPlan {
    return planBody(headers, this.#parts.verified, { maxBytes, needsLength });
  }

  #openWith(plan: BodyPlan, maxBytes: number, wishes?: BodyWishes): S3Body {
    this.#letIn();
    const body = openBody(this.#parts.request, plan, maxBytes, wishes, this.#parts.chunkMemory);
    this.#count();
    this.#open = body;
    return body;
  }

  /** After somebody has begun to read, for a listener of one's own would let the bytes run. */
  #count(): void {
    this.#parts.request.on("data", (piece: Buffer) => this.#parts.received(piece.length));
  }

  #letIn(): void {
    if (this.#isLetIn) return;
    this.#isLetIn = true;
    this.#parts.proceed();
  }
}
