/** `metrics`: what `/v1/metrics/full` tells apart. */
import type { Config } from "../config.js";
import { section, text, type ValueOf } from "../schema.js";
import type { Scope } from "../scope.js";

/** Each name costs a process up to 2 KiB of memory, and each page a line for every route and outcome. */
const MAX_NAMES = 10_000;

export const metricsSchema = section(
  {
    max_keys: text({
      default: "100",
      description:
        `Keys with counters of their own, 0 to ${MAX_NAMES}, in each worker process; those used first get them. All ` +
        "others are counted together.",
    }),
    max_identities: text({ default: "100", description: "The same for identities." }),
  },
  "What /v1/metrics/full tells apart.",
);

export function resolveMetrics(value: ValueOf<typeof metricsSchema>, scope: Scope): Config["metrics"] {
  return {
    maxKeys: countOf(value.max_keys, scope.at("max_keys")),
    maxIdentities: countOf(value.max_identities, scope.at("max_identities")),
  };
}

function countOf(text: string, at: Scope): number {
  const count = /^\d{1,6}$/.test(text) ? Number(text) : MAX_NAMES + 1;
  if (count <= MAX_NAMES) return count;
  at.error(`'${text}' is no number from 0 to ${MAX_NAMES}`);
  return 0;
}
