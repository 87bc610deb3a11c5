/** Bounds of one HTTP/2 connection, besides those that all connections share. */

/** Of the table that the client's header compression fills: the protocol's default. */
export const HEADER_TABLE_BYTES = 4096;
/** Largest payload of a frame that is taken: the protocol's default and its least. */
export const MAX_FRAME_BYTES = 16_384;
/** Fields of a request. */
export const MAX_FIELDS = 128;
/** CONTINUATION frames of one header block. */
export const MAX_CONTINUATIONS = 64;
/** Entries of one SETTINGS frame. */
export const MAX_SETTINGS = 32;
/** Bytes of bodies that a client may send ahead, on one stream and on all together. */
export const STREAM_WINDOW_BYTES = 256 * 1024;
export const CONNECTION_WINDOW_BYTES = 1024 * 1024;
/** Largest window of the protocol. */
export const MAX_WINDOW = 0x7fff_ffff;
/** Bytes of answers that wait for a client's windows before it gets no new streams. */
export const MAX_PENDING_BYTES = 4 * 1024 * 1024;
/** What a stream that is not over by itself holds, besides its request and its answer: about what was measured. */
export const STREAM_BYTES = 1024;
/** Bytes that one turn of the event loop writes before it looks whether the client takes them. */
export const MAX_TURN_BYTES = 256 * 1024;
/** Streams that were reset, by the client or because of it: so many at once, and then so many a second. */
export const RESET_BURST = 1000;
export const RESETS_PER_SECOND = 100;
/** Frames that ask for nothing (PING, SETTINGS, empty ones, …): so many at once, and then so many a second. */
export const IDLE_FRAME_BURST = 1000;
export const IDLE_FRAMES_PER_SECOND = 50;
/**
 * Idle frames that go with a part of an answer: a WINDOW_UPDATE for the stream and one for the connection. Go's client
 * sends them for every 4 KiB that were read of an answer.
 */
export const FRAMES_PER_ANSWER = 2;
export const ANSWER_UNIT_BYTES = 4 * 1024;
/** A DATA frame that a client's window made shorter than this counts as idle. */
export const MIN_DATA_BYTES = 256;
/** Time for the client to learn that it should open no more streams, before it is told the last. */
export const GOAWAY_WAIT_MS = 250;
