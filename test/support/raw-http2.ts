/** HTTP/2 as frames made by hand, for header fields that no client library would send (RFC 9113, RFC 7541). */
import type { TestCertificate } from "./certificates.js";
import { connectTls, type RawAnswer } from "./raw-http1.js";

/** Header fields in the order they are sent, names and values as they are. */
export type Fields = readonly (readonly [name: string, value: string | Buffer])[];

/** An answer with its status and body; `code` is that of RST_STREAM or GOAWAY when there was none. */
export type RawStreamAnswer = Pick<RawAnswer, "status" | "body"> & { readonly code?: number };

export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
export const DATA = 0x0;
export const HEADERS = 0x1;
export const RST_STREAM = 0x3;
export const SETTINGS = 0x4;
export const GOAWAY = 0x7;
export const END_STREAM = 0x1;
export const ACK = 0x1;
export const END_HEADERS = 0x4;
const DEADLINE_MS = 5_000;

/** Sends one request on a connection of its own. */
export async function rawHttp2(
  port: number,
  client: TestCertificate | undefined,
  fields: Fields,
  body?: string | Buffer,
): Promise<RawStreamAnswer> {
  const socket = await connectTls(port, client, { ALPNProtocols: ["h2"] });
  const endless = body === undefined ? END_STREAM : 0;
  // HEADER_TABLE_SIZE 0: the server's compressor must not refer to earlier fields, which this reader forgets.
  const settings = frame(SETTINGS, 0, 0, Buffer.from([0, 1, 0, 0, 0, 0]));
  const request = [frame(HEADERS, END_HEADERS | endless, 1, encode(fields))];
  if (body !== undefined) request.push(frame(DATA, END_STREAM, 1, Buffer.from(body)));
  try {
    socket.write(Buffer.concat([PREFACE, settings, frame(SETTINGS, ACK, 0), ...request]));
    return await new Promise((resolve, reject) => {
      let received = Buffer.alloc(0);
      let status = 0;
      const parts: Buffer[] = [];
      const done = (code?: number): void => {
        clearTimeout(timer);
        resolve({ status, body: Buffer.concat(parts), ...(code === undefined ? {} : { code }) });
      };
      const timer = setTimeout(() => reject(new Error("no answer in time")), DEADLINE_MS);
      socket.on("data", (chunk: Buffer) => {
        received = Buffer.concat([received, chunk]);
        while (received.length >= 9 && received.length >= 9 + received.readUIntBE(0, 3)) {
          const size = received.readUIntBE(0, 3);
          const [type, flags, payload] = [received[3], received[4] ?? 0, received.subarray(9, 9 + size)];
          received = received.subarray(9 + size);
          if (type === HEADERS) status = statusOf(payload);
          if (type === DATA) parts.push(payload);
          if (type === RST_STREAM) return done(payload.readUInt32BE(0));
          if (type === GOAWAY) return done(payload.readUInt32BE(4));
          if ((type === HEADERS || type === DATA) && flags & END_STREAM) return done();
        }
      });
      socket.on("close", () => done());
      socket.on("error", () => undefined);
    });
  } finally {
    socket.destroy();
  }
}

export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Every field as a literal with a literal name, not indexed, not compressed (RFC 7541 §6.2.2). */
export function encode(fields: Fields): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.of(0), text(name), text(value)]));
}

function text(value: string | Buffer): Buffer {
  const bytes = typeof value === "string" ? Buffer.from(value, "latin1") : value;
  if (bytes.length < 127) return Buffer.concat([Buffer.of(bytes.length), bytes]);
  const length = [127];
  let rest = bytes.length - 127;
  for (; rest >= 128; rest >>= 7) length.push((rest & 0x7f) | 0x80);
  return Buffer.concat([Buffer.from([...length, rest]), bytes]);
}

/** Entries 8 to 14 of the static table. */
const INDEXED_STATUS = [200, 204, 206, 304, 400, 404, 500];
/** Huffman codes of the digits (RFC 7541, appendix B). */
const DIGIT_CODES = [
  "00000",
  "00001",
  "00010",
  "011001",
  "011010",
  "011011",
  "011100",
  "011101",
  "011110",
  "011111",
];

/** `:status`, which stands first in every answer. */
function statusOf(block: Buffer): number {
  let at = 0;
  // Changes of the table's size come first.
  while (((block[at] ?? 0) & 0xe0) === 0x20) at++;
  const first = block[at] ?? 0;
  if (first & 0x80) return INDEXED_STATUS[(first & 0x7f) - 8] ?? 0;
  const length = block[at + 1] ?? 0;
  const value = block.subarray(at + 2, at + 2 + (length & 0x7f));
  if ((length & 0x80) === 0) return Number(value.toString("latin1"));
  let bits = [...value].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  let status = 0;
  for (let i = 0; i < 3; i++) {
    const digit = DIGIT_CODES.findIndex((code) => bits.startsWith(code));
    status = status * 10 + digit;
    bits = bits.slice(DIGIT_CODES[digit]?.length);
  }
  return status;
}
