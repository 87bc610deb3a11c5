/** What every answer carries (S3 API reference §2). */
import type { RandomSource } from "../../crypto/random.js";
import { formatHttpDate } from "./http-date.js";

const SERVER = "Keswick";
const ID_BYTES = 8;
const HOST_ID_BYTES = 32;

/** A fresh request id in the form clients know: 16 characters, upper-case hex. */
export function newRequestId(random: RandomSource): string {
  return random(ID_BYTES).toString("hex").toUpperCase();
}

/** An id of this process for `x-amz-id-2`; made once at start. It tells nothing of the machine. */
export function newHostId(random: RandomSource): string {
  return random(HOST_ID_BYTES).toString("base64");
}

/** @param ids - `requestId` equals the `RequestId` of an error document */
export function commonHeaders(
  ids: { readonly requestId: string; readonly hostId: string },
  nowMs: number,
): Record<string, string> {
  return {
    server: SERVER,
    date: formatHttpDate(nowMs),
    "x-amz-request-id": ids.requestId,
    "x-amz-id-2": ids.hostId,
    // A browser must not take what somebody stored for a page of another type than it was stored with.
    "x-content-type-options": "nosniff",
  };
}
