/** `cache`: how long keys fetched from the keystore are used from memory. */
import type { Config } from "../config.js";
import { duration, section, type ValueOf } from "../schema.js";
import type { Scope } from "../scope.js";

export const cacheSchema = section(
  {
    expiry: section(
      {
        any: duration({
          default: "5m",
          description: "Every key is fetched again after this, however busy. 0s means the default.",
          negative: "kesconf: invalid cache expiry '%d'",
        }),
        unused: duration({
          default: "30s",
          description: "A key that was not used for this long is dropped. 0s means the default.",
          negative: "kesconf: invalid cache unused expiry '%d'",
        }),
        offline: duration({
          default: "0s",
          description:
            "While the keystore cannot be reached, keys stay in use for this long instead. 0s switches that off.",
          negative: "kesconf: invalid offline cache expiry '%d'",
        }),
      },
      "How long.",
    ),
    revalidate: duration({
      default: "0s",
      description:
        "A key in use that is older than this is fetched again in the background, while it stays in use: what " +
        "another server deleted ends here within this time. 0s switches that off.",
      negative: "kesconf: invalid cache revalidation '%d'",
    }),
  },
  "How long keys fetched from the keystore are used from memory.",
);

const DEFAULT_ANY_MS = 5 * 60_000;
const DEFAULT_UNUSED_MS = 30_000;

/**
 * `0s` for `any` and `unused` is the documented default, as in every KES release but those of winter 2023/24:
 * a file that says `0s` has never meant "for ever", and a key must not stay in memory without an end.
 */
export function resolveCache(
  { expiry, revalidate }: ValueOf<typeof cacheSchema>,
  scope: Scope,
): Config["cache"] {
  const orDefault = (key: "any" | "unused", fallbackMs: number): number => {
    if (expiry[key] !== 0) return expiry[key];
    scope
      .at("expiry", key)
      .warn(`0s means the default, ${fallbackMs / 1000}s: the cache cannot be kept for ever`);
    return fallbackMs;
  };
  return {
    anyMs: orDefault("any", DEFAULT_ANY_MS),
    unusedMs: orDefault("unused", DEFAULT_UNUSED_MS),
    offlineMs: expiry.offline,
    revalidateMs: revalidate,
  };
}
