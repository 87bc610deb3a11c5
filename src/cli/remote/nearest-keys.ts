/** Which key was probably meant. */
import type { KesClient } from "../../client/client.js";

/** Names that are looked at. */
const MAX_NAMES = 1000;
const MAX_TIME_MS = 2_000;
/** Names that are shown. */
const MAX_SHOWN = 3;

/**
 * A hint at the keys whose names are nearest to `key`, among the first thousand that the server lists within two
 * seconds; none when the caller may not list.
 * @throws the signal's reason when it is aborted
 */
export async function nearestKeys(
  client: Pick<KesClient, "listKeys">,
  key: string,
  signal: AbortSignal = new AbortController().signal,
): Promise<readonly string[]> {
  const names: string[] = [];
  let isWhole = false;
  try {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(MAX_TIME_MS)]);
    for await (const name of client.listKeys({ signal: limited })) {
      names.push(name);
      if (names.length === MAX_NAMES) break;
    }
    isWhole = names.length < MAX_NAMES;
  } catch {
    // Help that cannot be had is left out: the failure that it was meant for is being told.
    signal.throwIfAborted();
  }
  if (names.length === 0) {
    return isWhole ? ["there is no key at all yet: 'kes key create NAME' makes one"] : [];
  }
  const near = await nearestOf(key, names);
  if (near.length === 0) return ["'kes key ls' lists the keys"];
  return [`keys with similar names: ${near.join(", ")}`];
}

async function nearestOf(key: string, names: readonly string[]): Promise<string[]> {
  const { distance } = await import("fastest-levenshtein");
  const wanted = key.toLowerCase();
  return names
    .map((name) => {
      const other = name.toLowerCase();
      // `minio` for `minio-prod-key`: many letters apart, and still what was meant.
      const isPart = wanted.length >= 3 && (other.startsWith(wanted) || wanted.startsWith(other));
      return { name, distance: isPart ? Math.min(distance(wanted, other), 2) : distance(wanted, other) };
    })
    .filter(
      ({ name, distance: letters }) =>
        letters <= Math.max(2, Math.floor(name.length / 3)) && letters < name.length,
    )
    .sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .slice(0, MAX_SHOWN)
    .map(({ name }) => name);
}
