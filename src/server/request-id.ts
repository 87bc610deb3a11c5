/** Request ids: unique over restarts and nodes, cheap to make, in no way secret. */

/** The last digits of ids. */
const ROUND = 4096;
const LAST_DIGITS: readonly string[] = Array.from({ length: ROUND }, (_, n) =>
  n.toString(16).padStart(3, "0"),
);

/** Ids of the form `6f1c2a90-000000001f`: a random part for this process and a counter. */
export function requestIds(randomBytes: (size: number) => Buffer): () => string {
  const prefix = `${randomBytes(4).toString("hex")}-`;
  let rounds = 0;
  let next = ROUND;
  let first = "";
  return () => {
    if (next === ROUND) {
      first = prefix + (rounds++).toString(16).padStart(7, "0");
      next = 0;
    }
    return first + (LAST_DIGITS[next++] ?? "");
  };
}
