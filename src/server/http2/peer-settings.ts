/** What the client's SETTINGS frames say that matters to a server (RFC 9113 §6.5). */
import { ConnectionError, ErrorCode } from "./errors.js";
import { Setting } from "./frame.js";
import { readUint31 } from "./frame-reader.js";
import { MAX_SETTINGS, MAX_WINDOW } from "./limits.js";

/** Settings that a frame has changed; undefined where it does not name them. */
export interface SettingsChange {
  readonly headerTableBytes: number | undefined;
  /** The least of all that the frame names, in the order of its entries. */
  readonly leastTableBytes: number | undefined;
  readonly initialWindow: number | undefined;
}

const ENTRY_BYTES = 6;
const MIN_FRAME_SIZE = 16_384;
const MAX_FRAME_SIZE = 16_777_215;

/**
 * Reads the entries of a frame's payload. A later entry wins over an earlier one.
 * @throws ConnectionError when an entry is out of its range
 */
export function readSettings(bytes: Buffer, start: number, end: number): SettingsChange {
  if ((end - start) % ENTRY_BYTES !== 0) {
    throw new ConnectionError(ErrorCode.frameSize, `SETTINGS of ${end - start} bytes`);
  }
  if (end - start > MAX_SETTINGS * ENTRY_BYTES) {
    throw new ConnectionError(ErrorCode.enhanceYourCalm, "too many settings in one frame");
  }
  let headerTableBytes: number | undefined;
  let leastTableBytes: number | undefined;
  let initialWindow: number | undefined;
  for (let at = start; at < end; at += ENTRY_BYTES) {
    const id = bytes.readUInt16BE(at);
    const value = bytes.readUInt32BE(at + 2);
    if (id === Setting.headerTableSize) {
      headerTableBytes = value;
      leastTableBytes = Math.min(value, leastTableBytes ?? value);
    } else if (id === Setting.initialWindowSize) {
      if (value > MAX_WINDOW) throw new ConnectionError(ErrorCode.flowControl, "an initial window too large");
      initialWindow = readUint31(bytes, at + 2);
    } else if (id === Setting.enablePush && value > 1) {
      throw new ConnectionError(ErrorCode.protocol, "ENABLE_PUSH is neither 0 nor 1");
    } else if (id === Setting.maxFrameSize && (value < MIN_FRAME_SIZE || value > MAX_FRAME_SIZE)) {
      throw new ConnectionError(ErrorCode.protocol, "MAX_FRAME_SIZE out of range");
    }
  }
  return { headerTableBytes, leastTableBytes, initialWindow };
}
