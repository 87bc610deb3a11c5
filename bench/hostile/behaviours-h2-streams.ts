/** Many streams at once, and answers that are not taken. */
import { frame, RST_STREAM } from "../../test/support/raw-http2.js";
import type { Behaviour } from "./behaviour.js";
import {
  ballast,
  block,
  data,
  h2,
  longRequest,
  NO_WINDOW,
  request,
  SETTINGS,
  setting,
  u32,
  WINDOW_UPDATE,
} from "./frames.js";
import type { Line } from "./line.js";

/** Streams at a time. */
const MOST = 250;
const VERSION = block("GET", "/version");
const GENERATE = block("PUT", "/v1/key/generate/known");
const COLD = block("PUT", "/v1/key/generate/cold");
const LARGE_GENERATE = block("PUT", "/v1/key/generate/known", ...ballast(56_000));
const LARGE_COLD = block("PUT", "/v1/key/generate/cold", ...ballast(56_000));
const BULK = Buffer.from(`[${Array.from({ length: 1000 }, () => "{}").join()}]`);

function opens(count: number, make: (line: Line) => Buffer): NonNullable<Behaviour["start"]> {
  return (line) => {
    for (let i = 0; i < count; i++) line.send(make(line));
  };
}

/** A request and the beginning of its body. */
function withBody(line: Line, head: Buffer, bytes: number): Buffer {
  return Buffer.concat([request(line, head, false), data(2 * line.count - 1, Buffer.alloc(bytes, 0x20))]);
}

/** Windows of all streams are set anew. */
function windowChange(line: Line): Buffer {
  return frame(SETTINGS, 0, 0, setting(4, line.step++ % 2));
}

/** A request whose answer is not taken, then one byte more for each stream in turn. */
function byteByByte(line: Line): Buffer {
  return frame(WINDOW_UPDATE, 0, 2 * (line.step++ % MOST) + 1, u32(1));
}

function get(path: string): (line: Line) => Buffer {
  const head = block("GET", path);
  return (line) => request(line, head);
}

const bulk = (line: Line): Buffer =>
  Buffer.concat([
    request(line, block("PUT", "/v1/key/bulk/generate/known"), false),
    data(2 * line.count - 1, BULK, true),
  ]);

/** What answers that wait for windows, and streams that are open, may hold on all connections: docs/http2.md. */
const HELD_MIB = 128;
const BODIES_MIB = 256;

export const streamBehaviours: readonly Behaviour[] = [
  h2("tiny requests", { flood: (line) => request(line, VERSION) }),
  h2("tiny requests, answers not read", { isDeaf: true, flood: (line) => request(line, VERSION) }),
  h2("tiny requests, no window", {
    settings: NO_WINDOW,
    flood: (line) => request(line, GENERATE),
    comesBack: true,
  }),
  h2("pages", { flood: get("/") }),
  h2("API descriptions, no window", {
    settings: NO_WINDOW,
    start: opens(MOST, get("/openapi.json")),
    sharedMib: HELD_MIB,
  }),
  h2("250 heads of 56 KiB, no window, 403", {
    settings: NO_WINDOW,
    start: opens(MOST, (line) => longRequest(line, LARGE_GENERATE)),
    sharedMib: HELD_MIB,
  }),
  h2("250 heads of 56 KiB, bodies to come, 403", {
    start: opens(MOST, (line) => longRequest(line, LARGE_GENERATE, false)),
    sharedMib: HELD_MIB,
  }),
  h2("250 heads of 56 KiB, bodies to come, with rights", {
    isEntitled: true,
    start: opens(MOST, (line) => longRequest(line, LARGE_GENERATE, false)),
    sharedMib: HELD_MIB,
  }),
  h2("250 heads of 56 KiB, the key hangs", {
    isEntitled: true,
    start: opens(MOST, (line) => longRequest(line, LARGE_COLD)),
    sharedMib: HELD_MIB,
  }),
  h2("heads of 56 KiB", { flood: (line) => longRequest(line, LARGE_GENERATE) }),
  h2("250 half bodies, 403", { start: opens(MOST, (line) => withBody(line, GENERATE, 4_000)) }),
  h2("250 half bodies, with rights", {
    isEntitled: true,
    start: opens(MOST, (line) => withBody(line, GENERATE, 4_000)),
    sharedMib: BODIES_MIB,
  }),
  h2("250 unasked bodies, the key hangs", {
    isEntitled: true,
    start: opens(MOST, (line) => withBody(line, block("GET", "/v1/key/describe/cold"), 4_000)),
    sharedMib: HELD_MIB,
  }),
  h2("bodies without end, 404", {
    start: (line) => line.send(request(line, block("PUT", "/nowhere"), false)),
    flood: () => data(1, Buffer.alloc(16_384)),
    comesBack: true,
  }),
  h2("reset while the key hangs", {
    isEntitled: true,
    drip: {
      everyMs: 11,
      bytes: (line) => {
        const one = request(line, COLD);
        return Buffer.concat([one, frame(RST_STREAM, 0, 2 * line.count - 1, u32(8))]);
      },
    },
  }),
  h2("windows opened by one byte", {
    settings: NO_WINDOW,
    start: opens(MOST, (line) => request(line, GENERATE)),
    flood: byteByByte,
    comesBack: true,
  }),
  h2("windows of all streams changed", {
    settings: NO_WINDOW,
    connections: 100,
    start: (line) => {
      opens(MOST, get("/v1/status"))(line);
      line.send(Buffer.concat(Array.from({ length: 700 }, () => windowChange(line))));
    },
    drip: { everyMs: 21, bytes: windowChange },
  }),
  h2("listings, no window", {
    isDear: true,
    isEntitled: true,
    settings: NO_WINDOW,
    start: opens(MOST, get("/v1/key/list/")),
    sharedMib: HELD_MIB,
  }),
  h2("metrics, no window", {
    isDear: true,
    isEntitled: true,
    settings: NO_WINDOW,
    start: opens(MOST, get("/v1/metrics")),
    sharedMib: HELD_MIB,
  }),
  h2("bulk answers, no window", {
    isDear: true,
    isEntitled: true,
    settings: NO_WINDOW,
    start: opens(40, bulk),
    sharedMib: HELD_MIB,
  }),
  h2("bulk answers not read", {
    isDear: true,
    isEntitled: true,
    isDeaf: true,
    settings: setting(4, 0x7fff_ffff),
    flood: bulk,
    sharedMib: HELD_MIB,
  }),
  h2("250 logs, no window", {
    isEntitled: true,
    settings: NO_WINDOW,
    start: opens(MOST, get("/v1/log/audit")),
    sharedMib: HELD_MIB,
  }),
  h2("windows closed by settings, then idle", {
    isEntitled: true,
    start: (line) => {
      opens(100, get("/v1/key/list/"))(line);
      line.send(frame(SETTINGS, 0, 0, NO_WINDOW));
    },
    sharedMib: HELD_MIB,
  }),
];
