/** What a handler gives back; how it gets onto the wire is not its business. */

export interface Answer {
  readonly status: number;
  /** Besides those that every answer has. Values are bytes, one character each. */
  readonly headers?: Readonly<Record<string, string>>;
  /** An XML document. */
  readonly document?: string;
  /** Exactly `length` bytes; returned (`return()`) whatever happens. Fails in the middle: the connection is cut. */
  readonly content?: { readonly bytes: AsyncIterableIterator<Buffer>; readonly length: number };
}

/** 200 with a document. */
export function documentAnswer(document: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status: 200, document, headers };
}

export const NO_CONTENT: Answer = { status: 204 };
