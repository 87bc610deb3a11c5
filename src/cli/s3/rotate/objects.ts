/** Objects whose keys are to be sealed anew, wherever they are. */
import type { Resealed } from "../../../storage/objects/object-service.js";

export const MOST_UPLOADS = 1_000;

/** `gone`: deleted after it was listed. */
export type Outcome = Resealed | "gone";

export interface RotatedObjects {
  /** What to call it: a URL, or a folder. */
  readonly place: string;
  /** Keys with the prefix, in order, strictly after `after`. */
  keys(prefix: string, after: string, signal: AbortSignal): AsyncIterable<string>;
  /** Repeats what may be repeated. @throws CommandError for what is no matter of this object alone */
  reseal(key: string, keyId: string, signal: AbortSignal): Promise<Outcome>;
  /** How many uploads in parts are not complete: their keys stay as they are. At most {@link MOST_UPLOADS} are counted. */
  uploads(prefix: string, signal: AbortSignal): Promise<number>;
  close(): Promise<void>;
}
