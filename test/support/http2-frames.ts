/** Frames that tests of our own HTTP/2 send, well formed and otherwise. */
import { T } from "./http2-session.js";
import { encode, type Fields, frame } from "./raw-http2.js";

export const END_STREAM = 1;
export const END_HEADERS = 4;
export const PADDED = 8;
export const PRIORITY = 0x20;

export const GET: Fields = [
  [":method", "GET"],
  [":scheme", "https"],
  [":path", "/a"],
  [":authority", "localhost"],
];
export const PUT: Fields = [[":method", "PUT"], ...GET.slice(1)];

export function plus(base: Fields, ...more: Fields): Fields {
  return [...base, ...more];
}

export function headers(stream: number, fields: Fields, isEnd = true): Buffer {
  return frame(T.headers, END_HEADERS | (isEnd ? END_STREAM : 0), stream, encode(fields));
}

export function data(stream: number, content: string | Buffer, isEnd = true): Buffer {
  return frame(T.data, isEnd ? END_STREAM : 0, stream, Buffer.from(content));
}

export function u32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value, 4 * i);
  return bytes;
}

export function windowUpdate(stream: number, bytes: number): Buffer {
  return frame(T.window, 0, stream, u32(bytes));
}

export function setting(...entries: readonly (readonly [id: number, value: number])[]): Buffer {
  const parts = entries.map(([id, value]) => Buffer.concat([Buffer.from([0, id]), u32(value)]));
  return frame(T.settings, 0, 0, Buffer.concat(parts));
}

export function reset(stream: number, code = 8): Buffer {
  return frame(T.rst, 0, stream, u32(code));
}

/** Depends on `on`, with the least weight. */
export function priority(stream: number, on: number): Buffer {
  return frame(T.priority, 0, stream, Buffer.concat([u32(on), Buffer.of(0)]));
}
