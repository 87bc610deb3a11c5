/** What a reload cannot change. */
import { isDeepStrictEqual } from "node:util";
import type { Config } from "../config/config.js";

/** Option → what it says, of those that take effect at a start alone. */
const FIXED: Readonly<Record<string, (config: Config) => unknown>> = {
  address: ({ address }) => address,
  "server.workers": ({ server }) => server.workers,
  "server.http": ({ server }) => server.http,
  "server.health.address": ({ server }) => server.health,
};

/** One message for each option that differs and stays as it is. */
export function needsRestart(now: Config, next: Config): readonly string[] {
  return Object.entries(FIXED)
    .filter(([, read]) => !isDeepStrictEqual(read(now), read(next)))
    .map(([option]) => `'${option}' has changed: that takes effect when the server is started again`);
}
