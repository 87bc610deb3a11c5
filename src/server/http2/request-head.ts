/** Header fields → the head of a request, or why they make none (RFC 9113 §8). */
import { MAX_HEADER_BYTES } from "../limits.js";
import type { HeaderField } from "./header-field.js";
import type { FieldSink } from "./hpack-decoder.js";
import { MAX_FIELDS } from "./limits.js";

/** What a header block says of its request. Shared by requests whose blocks are the same. */
export interface RequestHead {
  readonly method: string;
  /** Empty for CONNECT, which names no path. */
  readonly target: string;
  /** Without those that begin with a colon. */
  readonly fields: readonly HeaderField[];
  /** -1 when it is not declared. */
  readonly contentLength: number;
  /** The client waits for a `100 Continue` before it sends the body. */
  readonly isAsking: boolean;
  /** Of its fields, as header lists count it. */
  readonly size: number;
}

/** Why fields make no request. */
export interface HeadFault {
  readonly status: 400 | 431;
  readonly reason: string;
}

/** Reads the fields of one block after the other, each closed by {@link request} or {@link trailers}. */
export class HeadReader implements FieldSink {
  #fields: HeaderField[] = [];
  #size = 0;
  #count = 0;
  #method: HeaderField | undefined;
  #scheme: HeaderField | undefined;
  #authority: HeaderField | undefined;
  #path: HeaderField | undefined;
  #host: HeaderField | undefined;
  #length: HeaderField | undefined;
  #isAsking = false;
  #fault: HeadFault | undefined;

  add(field: HeaderField): void {
    this.#size += field.size;
    this.#count++;
    if (this.#fault !== undefined) return;
    // Counted before anything is kept: a block of some bytes can refer to a large field thousands of times.
    if (this.#size > MAX_HEADER_BYTES || this.#count > MAX_FIELDS) {
      this.#fault = { status: 431, reason: "request header fields too large" };
      return;
    }
    switch (field.kind) {
      case "malformed":
        return this.#refuse(`header field ${shown(field.name)} is malformed`);
      case "method":
        this.#method = this.#pseudo(field, this.#method);
        return;
      case "scheme":
        this.#scheme = this.#pseudo(field, this.#scheme);
        return;
      case "authority":
        this.#authority = this.#pseudo(field, this.#authority);
        return;
      case "path":
        this.#path = this.#pseudo(field, this.#path);
        return;
      case "host":
        if (this.#host !== undefined) this.#refuse("two host fields");
        this.#host = field;
        break;
      case "content-length":
        // Even when they agree: whoever reads the other one sees another body when they do not.
        if (this.#length !== undefined) this.#refuse("two content-length fields");
        this.#length = field;
        break;
      case "expect":
        if (field.value.toLowerCase() === "100-continue") this.#isAsking = true;
        break;
      case "plain":
    }
    this.#fields.push(field);
  }

  /** @returns the head of the request that the block began */
  request(): RequestHead | HeadFault {
    const end = this.#fault ?? this.#incomplete();
    const head = end ?? {
      method: this.#method?.value ?? "",
      target: this.#path?.value ?? "",
      fields: this.#fields,
      contentLength: this.#length === undefined ? -1 : Number(this.#length.value),
      isAsking: this.#isAsking,
      size: this.#size,
    };
    this.#reset();
    return head;
  }

  /** @returns what is wrong with the block as the end of a request, or undefined */
  trailers(): HeadFault | undefined {
    const isPseudo = (this.#method ?? this.#scheme ?? this.#authority ?? this.#path) !== undefined;
    const fault = this.#fault ?? (isPseudo ? malformed("a pseudo-header field in trailers") : undefined);
    this.#reset();
    return fault;
  }

  #pseudo(field: HeaderField, before: HeaderField | undefined): HeaderField {
    if (before !== undefined) this.#refuse(`two ${field.name} fields`);
    // An intermediary that takes only those in front sees another request.
    if (this.#fields.length > 0) this.#refuse(`${field.name} behind other fields`);
    return field;
  }

  #incomplete(): HeadFault | undefined {
    if (this.#method === undefined) return malformed("no :method");
    if (this.#method.value === "CONNECT") {
      const isPlain = this.#scheme === undefined && this.#path === undefined;
      return isPlain && this.#authority !== undefined ? undefined : malformed("a CONNECT that is none");
    }
    if (this.#scheme === undefined) return malformed("no :scheme");
    if (this.#path === undefined) return malformed("no :path");
    const target = this.#path.value;
    const isAsterisk = target === "*" && this.#method.value === "OPTIONS";
    if (!target.startsWith("/") && !isAsterisk) return malformed("a :path that is none");
    const authority = this.#authority?.value;
    const host = this.#host?.value;
    if (authority === "" || host === "" || (authority ?? host) === undefined)
      return malformed("no :authority");
    const isOther =
      host !== undefined && authority !== undefined && host.toLowerCase() !== authority.toLowerCase();
    return isOther ? malformed("host and :authority differ") : undefined;
  }

  #refuse(reason: string): void {
    this.#fault ??= malformed(reason);
  }

  #reset(): void {
    this.#fields = [];
    this.#size = 0;
    this.#count = 0;
    this.#method = undefined;
    this.#scheme = undefined;
    this.#authority = undefined;
    this.#path = undefined;
    this.#host = undefined;
    this.#length = undefined;
    this.#isAsking = false;
    this.#fault = undefined;
  }
}

/** In the place of one that nobody reads any more. */
export const NO_HEAD: RequestHead = Object.freeze({
  method: "",
  target: "",
  fields: Object.freeze([]),
  contentLength: -1,
  isAsking: false,
  size: 0,
});

export function isFault(head: RequestHead | HeadFault): head is HeadFault {
  return "status" in head;
}

function malformed(reason: string): HeadFault {
  return { status: 400, reason };
}

/** For the record: anything may stand in a name that is malformed. */
function shown(name: string): string {
  return JSON.stringify(name.slice(0, MAX_SHOWN));
}
const MAX_SHOWN = 64;
