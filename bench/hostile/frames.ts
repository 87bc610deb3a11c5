/** Frames and blocks that attackers send, made by hand. */

import { requestFields } from "../../test/support/attacks.js";
import {
  DATA,
  END_HEADERS,
  END_STREAM,
  encode,
  type Fields,
  frame,
  HEADERS,
} from "../../test/support/raw-http2.js";
import type { Behaviour } from "./behaviour.js";
import type { Line } from "./line.js";

export const PRIORITY = 0x2;
export const SETTINGS = 0x4;
export const PING = 0x6;
export const GOAWAY = 0x7;
export const WINDOW_UPDATE = 0x8;
export const CONTINUATION = 0x9;
export const PADDED = 0x8;

export type Row = Omit<Behaviour, "name" | "speaks">;

export function h2(name: string, row: Row): Behaviour {
  return { name: `h2: ${name}`, speaks: "h2", ...row };
}

export function u32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value, 4 * i);
  return bytes;
}

/** Entry of a SETTINGS frame. */
export function setting(id: number, value: number): Buffer {
  return Buffer.concat([Buffer.from([0, id]), u32(value)]);
}

/** Not one byte of an answer's body may be sent. */
export const NO_WINDOW = setting(4, 0);

/** A request whose head is `block`. @param isWhole - without a body */
export function request(line: Line, block: Buffer, isWhole = true): Buffer {
  return frame(HEADERS, END_HEADERS | (isWhole ? END_STREAM : 0), line.nextStream(), block);
}

/** A request with a head of more than one frame. */
export function longRequest(line: Line, block: Buffer, isWhole = true): Buffer {
  const MOST = 16_384;
  const stream = line.nextStream();
  const frames: Buffer[] = [];
  for (let at = 0; at < block.length; at += MOST) {
    const type = at === 0 ? HEADERS : CONTINUATION;
    const flags = (at === 0 && isWhole ? END_STREAM : 0) | (at + MOST >= block.length ? END_HEADERS : 0);
    frames.push(frame(type, flags, stream, block.subarray(at, at + MOST)));
  }
  return Buffer.concat(frames);
}

export function data(stream: number, bytes: Buffer, isLast = false): Buffer {
  return frame(DATA, isLast ? END_STREAM : 0, stream, bytes);
}

export function block(method: string, path: string, ...more: Fields): Buffer {
  return encode([...requestFields(method, path), ...more]);
}

/** Fields that fill a head up to about `bytes`. */
export function ballast(bytes: number): Fields {
  return Array.from({ length: Math.floor(bytes / 4_096) }, (_, i) => [`x-${i}`, "v".repeat(4_050)] as const);
}

/** A literal that goes into the table (RFC 7541 §6.2.1), its name and its value given as they are sent. */
export function indexed(name: Buffer, value: Buffer): Buffer {
  return Buffer.concat([Buffer.of(0x40), name, value]);
}

/** A string of HPACK without Huffman. */
export function plain(text: string): Buffer {
  // As the second string of a literal is encoded.
  return encode([["", text]]).subarray(2);
}

/** A string of HPACK, `bytes` of Huffman code. */
export function huffman(bytes: Buffer): Buffer {
  const sized = plain(bytes.toString("latin1"));
  sized[0] = (sized[0] ?? 0) | 0x80;
  return sized;
}
