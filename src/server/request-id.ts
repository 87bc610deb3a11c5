/** Request ids: unique over restarts and nodes, cheap to make, in no way secret. */

/** Ids of the form `6f1c2a90-000000001f`: a random part for this process and a counter. */
export function requestIds(randomBytes: (size: number) => Buffer): () => string {
  const prefix = `${randomBytes(4).toString("hex")}-`;
  let next = 0;
  return () => prefix + (next++).toString(16).padStart(10, "0");
}
